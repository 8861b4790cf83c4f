"""`python -m gengallery`: the command line, as `gengallery` itself."""

import sys

from gengallery.cli import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m gengallery"))
