"""The announcement: which violations are announced (``announcer``), and how it sounds (``player``)."""
