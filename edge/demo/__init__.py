"""The demo: the real service on a shipped clip."""
