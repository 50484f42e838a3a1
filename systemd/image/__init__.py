"""``python -m systemd.image.build_image``: a card for a Raspberry Pi, from Debian's packages and ours."""
