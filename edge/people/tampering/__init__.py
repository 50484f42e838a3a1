"""The camera is judged too: covered, turned away, defocused, left in the dark, blinded.

``features`` measures a picture, ``reference`` knows the usual view, ``judge`` says what a moment means, and
``check`` what lasts.
"""

from edge.people.tampering.monitor import TamperChange, TamperCheck

__all__ = ["TamperChange", "TamperCheck"]
