"""A card's image is taken apart and checked before it is written onto a thousand cards.

Without root and without mounting: Debian's own tools read its file systems as files.
"""
