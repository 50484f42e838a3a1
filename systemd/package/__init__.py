"""``python -m systemd.package.build``: the Debian package, from the lock files' wheels."""
