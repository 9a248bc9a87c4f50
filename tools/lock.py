#!/usr/bin/env python3
"""Resolve requirements/book.in in a clean environment and write requirements/lock.txt.

Run by `make lock`, with the oldest Python that the book supports, so that the lock holds for the newer ones too.
"""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
HEADER = """\
# Made by `make lock` from book.in (Python {major}.{minor} on {platform}); edit that instead.
# Where torch comes as a CUDA build, pip adds the libraries that build asks for.
"""
# What only some builds of torch need is left to torch's own metadata.
LEFT_OUT = re.compile(r"(nvidia|cuda)[-_\w]*|alexbook", re.IGNORECASE)


def markers(direct: str) -> dict[str, str]:
    """Name -> the condition under which ``book.in`` asks for it, for those that have one."""
    lines = (line.partition("#")[0].strip() for line in direct.splitlines())
    return {re.split(r"[=<>~! ;]", line)[0]: line.partition(";")[2].strip() for line in lines if ";" in line}


def pins(frozen: str, direct: str) -> list[str]:
    """The lines of ``pip freeze`` that are good on any machine: no local versions, no files, no GPU libraries.

    What ``book.in`` (``direct``) asks for under a condition is there under that condition, also where this machine does
    not meet it.
    """
    lines = [line.strip() for line in frozen.splitlines() if line.strip()]
    for line in lines:
        if "==" not in line:
            sys.exit(f"{line!r} is not a release with a version: install it from a package index first.")
    pairs = [line.split("==") for line in lines]
    conditions = markers(direct)
    lines = [f"{name}=={version.split('+')[0]}" for name, version in pairs
             if name not in conditions and not LEFT_OUT.fullmatch(name)]
    asked = [line.partition("#")[0].strip() for line in direct.splitlines()]
    return sorted(lines + [line for line in asked if ";" in line], key=str.lower)


def main() -> None:
    with tempfile.TemporaryDirectory() as room:
        venv.create(room, with_pip=True)
        python = Path(room, "Scripts" if sys.platform == "win32" else "bin", "python")
        pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", "-r", str(FOLDER / "book.in")], check=True)
        frozen = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
    direct = (FOLDER / "book.in").read_text(encoding="utf-8")
    header = HEADER.format(major=sys.version_info[0], minor=sys.version_info[1], platform=sys.platform)
    (FOLDER / "lock.txt").write_text(header + "\n".join(pins(frozen, direct)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
