"""``python -m edge.cli``: the command ``maskgate`` where it is not installed."""

import sys

from edge.cli import main

if __name__ == "__main__":
    sys.exit(main())
