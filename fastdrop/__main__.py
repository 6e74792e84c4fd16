"""``python -m fastdrop``: the command line."""

import sys

from fastdrop.cli import main

if __name__ == "__main__":
    sys.exit(main())
