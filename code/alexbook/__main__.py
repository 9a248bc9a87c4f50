"""``python -m alexbook``: the book's commands (:mod:`alexbook.cli`)."""

import io
import sys

from alexbook.cli import main

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show ends no run
    sys.exit(main())
