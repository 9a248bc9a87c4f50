"""Where the files that travel with the package are: recorded runs, the dataset registry, the shipped digits."""

from pathlib import Path


def folder() -> Path:
    """The ``data`` folder: inside the installed package, or in the clone that the package is imported from."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "data", package.parents[1] / "data"):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError("The data folder of alexbook is missing: install the package again, or restore data/ "
                            "from the book's repository.")
