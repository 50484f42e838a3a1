"""Whether the camera was tampered with: covered, turned away, defocused, left in the dark, blinded.

``features`` measures a picture, ``reference`` knows the usual view, ``judge`` says what one moment means, and
``monitor`` what has lasted long enough to report.
"""

from edge.people.tampering.monitor import TamperCheck

__all__ = ["TamperCheck"]
