"""``python -m groundswell.ui.gallery DIR``: write the gallery with its bundle into a folder."""

import sys
from pathlib import Path

from groundswell.ui.gallery.pages import write


def main() -> None:
    """Render into the folder named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m groundswell.ui.gallery DIR")
    names = write(Path(sys.argv[1]))
    sys.stdout.write(f"{len(names)} pages, to be served with DIR as the root: {', '.join(names)}\n")


if __name__ == "__main__":
    main()
