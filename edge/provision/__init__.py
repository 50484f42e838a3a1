"""A card with a stock Raspberry Pi OS becomes a device at its first start, without a network.

``maskgate provision`` puts the package, ``maskgate.toml`` and what makes the first start install it on the
card's boot partition: for cloud-init, which current images have, or for systemd's ``systemd.run=``, as
Raspberry Pi Imager does it for older ones. From then on ``maskgate machine`` (edge/machine) does the rest.
"""
