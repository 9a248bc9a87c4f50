"""The credits page's directive: ``{photograph-credits}``, from ``data/photographs/photographs.json``."""

from pathlib import Path

from alexbook.datasets import photographs
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = Path("data") / "photographs"
SHOWN = "160"  # pixels that the longer side of a picture takes at most on the page


class PhotographCredits(SphinxDirective):
    """``{photograph-credits}``: each photograph with its title, author, license and origin."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(FOLDER / "photographs.json"))
        return [self.entry(name, photographs.credit(name)) for name in photographs.names()]

    def entry(self, name: str, credit: photographs.Credit) -> nodes.container:
        """A picture, and the lines that say whose it is."""
        entry = nodes.container(classes=["photograph-credit"], ids=[f"photograph-{name}"])
        entry += nodes.image(uri=f"/{(FOLDER / f'{name}.jpg').as_posix()}", alt=credit.title, width=f"{SHOWN}px",
                             classes=["no-scaled-link"])
        words = nodes.container()
        words += nodes.paragraph("", "", nodes.strong(text=credit.title), nodes.Text(" ("), nodes.literal(text=name),
                                 nodes.Text(")"))
        license_ = credit.license[0].upper() + credit.license[1:]
        words += nodes.paragraph("", "", nodes.Text(f"{credit.author}. {license_}. "),
                                 nodes.reference("", "Origin", refuri=credit.source))
        entry += words
        return entry


def setup(app: Sphinx) -> None:
    app.add_directive("photograph-credits", PhotographCredits)
