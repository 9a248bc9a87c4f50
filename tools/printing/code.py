"""Colored code and what it printed: most of the book, and nothing that has to be parsed."""

import html
import re

COLUMNS = 98  # that fit on a line of paper in the usual size; print.css sets it
MOST_COLUMNS = 140  # what is wider would be too small to read, and is broken
SHORT = 20  # lines that stay together on one sheet
BLOCK = re.compile(r"<pre\b[^>]*>.*?</pre>", re.DOTALL)
MARK = re.compile(r'<pre data-code="(\d+)"></pre>')
# Names, punctuation and operators are two thirds of the colored pieces, and go without: each is an object of the PDF.
COLORLESS = re.compile(r'<span class="(?:n|nn|o|p|w)">([^<]*)</span>|<span></span>')


def words(block: str) -> str:
    """What a block says, without its colors."""
    return html.unescape(re.sub(r"<[^>]*>", "", block)).strip("\n")


def for_paper(block: str) -> str:
    """A block with fewer colors, set to fit on the paper."""
    lines = words(block).split("\n")
    widest = max(map(len, lines))
    short = ' class="short"' if len(lines) <= SHORT else ""
    small = f' style="--columns: {widest}"' if COLUMNS < widest <= MOST_COLUMNS else ""
    return re.sub(r"^<pre\b", f"<pre{short}{small}", COLORLESS.sub(r"\1", block))


class Code:
    """The blocks of all pages: taken out before the pages are parsed, put back in the end."""

    def __init__(self) -> None:
        self.blocks: list[str] = []

    def take(self, text: str) -> str:
        """The text with a mark in the place of each block."""
        def mark(block: re.Match) -> str:
            self.blocks.append(block[0])
            return f'<pre data-code="{len(self.blocks) - 1}"></pre>'
        return BLOCK.sub(mark, text)

    def find(self, mark: str) -> str:
        """The words of the block with this mark."""
        return words(self.blocks[int(mark)])

    def give_back(self, text: str) -> str:
        return MARK.sub(lambda mark: for_paper(self.blocks[int(mark[1])]), text)
