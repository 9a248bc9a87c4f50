"""The self-test page's directive: ``{self-test}``, with the first and the last chapter of a part.

Its questions are those of the chapters' quizzes, some from each, so that they are written and tested once. The page's
score is the quiz script's; nothing is stored or sent.
"""

from collections.abc import Callable
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from .chapters import number
from .locales import speaker
from .quiz import Question, load, render

FROM_EACH = 3  # questions; the last ones of a quiz, which ask for more than the first


def questions(folder: Path, first: int, last: int) -> list[Question]:
    """The questions of a part.

    Args:
        folder: The folder of the quizzes.
        first: The number of the part's first chapter.
        last: The number of its last.

    Raises:
        ValueError: The folder has no quiz for these chapters.
    """
    files = [path for path in sorted(folder.glob("*.yml")) if first <= (number(path.stem) or 0) <= last]
    if not files:
        raise ValueError(f"There is no quiz for chapters {first} to {last}.")
    return [question for path in files for question in load(path)[-FROM_EACH:]]


def render_part(found: list[Question], name: str, say: Callable[[str], str] = str) -> str:
    """A part's questions as HTML, with addresses that differ from those of the other parts on the page."""
    return render(found, say).replace('id="question-', f'id="{name}-question-')


class SelfTest(SphinxDirective):
    """``{self-test} 1 4``: questions of the quizzes of chapters 1 to 4, with a score."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir) / "quizzes"
        for path in folder.glob("*.yml"):
            self.env.note_dependency(str(path))
        try:
            first, last = map(int, self.arguments)
            found = questions(folder, first, last)
        except ValueError as error:
            raise self.error(str(error)) from None
        say = speaker(self.env.app, "quizzes")
        return [nodes.raw("", render_part(found, f"part-{first}-{last}", say), format="html")]


def setup(app: Sphinx) -> None:
    app.add_directive("self-test", SelfTest)
