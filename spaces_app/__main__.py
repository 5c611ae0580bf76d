"""`python -m spaces_app`: the command line, also where nothing is installed."""

import sys

from spaces_app.cli.main import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m spaces_app"))
