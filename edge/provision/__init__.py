"""Makes a card with a stock Raspberry Pi OS install maskgate at its first start, without a network.

``maskgate provision`` writes to the card's boot partition: the package, ``maskgate.toml``, and a script that
the first start runs. cloud-init runs it on current images. On older ones systemd runs it (``systemd.run=``),
as Raspberry Pi Imager does with its own. From then on ``maskgate machine`` (edge/machine) does the rest.
"""
