"""``python -m systemd.image.build``: a card for a Raspberry Pi, from Debian's packages and ours."""
