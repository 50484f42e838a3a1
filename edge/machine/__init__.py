"""Turn a machine into a device: check and apply what is on the boot partition, and write a report there.

An installer puts ``maskgate.toml`` on the card's first partition, which any computer can write. It holds
maskgate's own configuration and one more table, ``[machine]``. Secrets may lie beside it in the folder
``credentials``. Each boot applies what is new, and writes ``maskgate-report.txt``. A file with mistakes
changes nothing.
"""

from edge.machine.settings import CardConfig, Machine

__all__ = ["CardConfig", "Machine"]
