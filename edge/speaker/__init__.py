"""The announcement: which violations are announced (``announcer``), by whom (``sink``), and how it sounds."""
