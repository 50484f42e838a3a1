"""Updates of the application and of the models: checked, staged beside what runs, tried, kept or taken back.

``install`` installs a bundle, ``updater`` is root's work when systemd units call it, ``make_bundle`` makes a
bundle. Root's work always runs from the Debian package, never from a tree that came as an update.
"""
