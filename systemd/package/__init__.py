"""``python -m systemd.package.build_deb``: the Debian package, from the lock files' wheels."""
