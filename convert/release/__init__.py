"""The last step of a model: the gates it must pass, its card, and the way to ``models/``."""
