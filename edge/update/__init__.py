"""Updates of the application and of the models: signed, staged beside what runs, tried, kept or taken back.

``install`` brings a bundle in, ``updater`` is what root does when units call it, ``make_bundle`` makes one.
Root's part is always run from the Debian package, never from a tree that came as an update.
"""
