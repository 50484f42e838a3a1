"""The documents as a site: ``conf`` for Sphinx, ``generate`` for the pages that are made from the code."""
