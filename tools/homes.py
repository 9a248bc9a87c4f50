"""Where a number stands: ``make homes NUMBER=60965224``.

Prints each place in text, code, data and stored outputs, so that whoever mends a number finds its other homes. An
output follows its cell by ``make notebooks``; all else is edited by hand.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def pattern(number: str) -> re.Pattern:
    """The number as people write it: with commas, underscores, LaTeX's ``{,}`` or nothing between its thousands."""
    digits = re.sub(r"[,_\s]", "", number)
    if not re.fullmatch(r"\d+(\.\d+)?", digits):
        raise ValueError(f"The number is {number!r}, but must be digits, such as 60965224 or 15.3.")
    whole, point, rest = digits.partition(".")
    groups = re.findall(r"\d{1,3}(?=(?:\d{3})*$)", whole)
    thousands = r"(?:,|_|\{,\})?".join(groups)
    return re.compile(rf"(?<![\w.,]){thousands}{re.escape(point + rest)}(?![\d_]|[.,]\d)")


def places(path: Path, wanted: re.Pattern) -> Iterator[str]:
    """Each place in a file, as ``chapters/06-output-sizes.ipynb, cell 12, text: the line``."""
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text(encoding="utf-8", errors="ignore")
    if path.suffix != ".ipynb":
        for number, line in enumerate(text.splitlines(), 1):
            if found := wanted.search(line):
                yield f"{name}:{number}: {line[max(0, found.start() - 60):found.end() + 60].strip()}"
        return
    for number, cell in enumerate(json.loads(text)["cells"]):
        parts = [("text" if cell["cell_type"] == "markdown" else "code", "".join(cell["source"]))]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parts.append(("output", "".join(output.get("text", "")) + "".join(data.get("text/plain", ""))))
        for kind, content in parts:
            for line in content.splitlines():
                if wanted.search(line):
                    yield f"{name}, cell {number}, {kind}: {line.strip()[:120]}"


def main(number: str) -> int:
    """Print the places; 1 where there is none."""
    wanted = pattern(number)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = [place for name in listed.split("\0") if name and not name.endswith((".npz", ".png", ".jpg", ".woff2"))
             for place in places(ROOT / name, wanted)]
    print("\n".join(found) or f"{number} stands nowhere.")
    return not found


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:2] or [""]))
    except ValueError as error:
        sys.exit(str(error))
