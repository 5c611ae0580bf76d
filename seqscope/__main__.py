"""`python -m seqscope`: the command line."""

import sys

from spaces_app.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
