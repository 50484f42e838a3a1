"""A machine becomes a device: what lies on the boot partition is checked, applied and answered there.

An installer puts ``maskgate.toml`` on the card's first partition, which any computer can write: maskgate's
own configuration and one more table, ``[machine]``. Secrets may come beside it, in the folder
``credentials``. Each boot takes over what is new, and answers in ``maskgate-report.txt``. A file with
mistakes changes nothing.
"""

from edge.machine.settings import CardConfig, Machine

__all__ = ["CardConfig", "Machine"]
