"""Checks the image of a card before it is written onto a thousand cards.

This needs neither root nor mounts: Debian's own tools read the file systems as files.
"""
