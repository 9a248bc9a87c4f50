r"""Formulas as MathML, written when the pages are built: browsers set them without a script.

math-core turns LaTeX into MathML Core, the part that all browsers know; from here come what it leaves open. The LaTeX
stays with each formula as its ``alttext``, for copying and for readers whose program knows no MathML.
"""

import html
import re

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

RENDERER = "mathml"
CONVERTER = LatexToMathML(xml_namespace=True, fancy_error=False)
ENTITY = re.compile(r"&(?!(?:lt|gt|amp|quot|apos);)[A-Za-z]+;")
GROUPED = re.compile(r'(?<=\d)</mn><mo rspace="0">,</mo><mn>(?=\d{3}\b)')
SIZED_BASE = re.compile(r"(<(?:msup|msub|msubsup)>)(<mo [^>]*minsize=[^>]*>[^<]*</mo>)")
PRIME = '<mo lspace="0" rspace="0">\N{PRIME}</mo>'
PRIMED = re.compile("<msup>(<mi>[^<]*</mi>)<mo>\N{PRIME}</mo></msup>")
PRIMED_WITH_INDEX = re.compile("<msubsup>(<mi>[^<]*</mi>)((?:(?!msubsup).)*?)<mo>\N{PRIME}</mo></msubsup>")

logger = logging.getLogger(__name__)


class FormulaError(ValueError):
    """A formula that cannot be set; the message says which, and why, in one sentence."""


def mathml(latex: str, *, display: bool) -> str:
    r"""A formula as MathML Core, in good XML, for pages and EPUB.

    Args:
        latex: the formula without dollars, as ``\frac{a}{b}``.
        display: whether it stands in a line of its own.

    Returns:
        One ``<math>`` element, whose ``alttext`` is the LaTeX.

    Raises:
        FormulaError: if the LaTeX is wrong or has a command that is not known.

    Example:
        >>> mathml("x^2", display=False)[-40:]
        '<msup><mi>x</mi><mn>2</mn></msup></math>'
    """
    latex = " ".join(latex.split())
    try:
        text = CONVERTER.convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        raise FormulaError(f"The formula {latex} cannot be set: {str(error).partition(': ')[2]}") from error
    return _finish(text, latex)


def _finish(text: str, latex: str) -> str:
    """Mends what math-core 0.9.0 leaves open."""
    text = ENTITY.sub(lambda entity: html.unescape(entity[0]), text)  # XML knows five names only
    text = GROUPED.sub(",", text)  # 62{,}378 is one number, to be read as one
    text = SIZED_BASE.sub(r"\1<mrow>\2</mrow>", text)  # a bracket with an exponent gets its size only in a row
    # The sign for a prime is small and high by itself; set as an exponent it would be so twice.
    text = PRIMED.sub(rf"<mrow>\1{PRIME}</mrow>", text)
    text = PRIMED_WITH_INDEX.sub(rf"<msub><mrow>\1{PRIME}</mrow>\2</msub>", text)
    # MathML Core has no menclose.
    text = text.replace('<menclose notation="box">', '<mrow class="boxed">').replace("</menclose>", "</mrow>")
    return text.replace("<math", f'<math alttext="{html.escape(latex, quote=True)}"', 1)


def joined(latex: str) -> str:
    """A display formula whose lines stand below each other; paragraphs in it are equations of their own."""
    parts = [part.strip() for part in latex.split("\n\n") if part.strip()]
    rows = [part if part.startswith(r"\begin") or r"\\" not in part else rf"\begin{{aligned}}{part}\end{{aligned}}"
            for part in parts]
    return rows[0] if len(rows) == 1 else r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"


def set_formula(node: nodes.Element, latex: str, *, display: bool) -> str:
    """The formula of a node; one that cannot be set is named in a warning, and its LaTeX stands there."""
    try:
        return mathml(latex, display=display)
    except FormulaError as error:
        logger.warning(str(error), location=node, type="formulas")
        return f"<code>{html.escape(latex)}</code>"


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """A formula in a line of text."""
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(set_formula(node, node.astext(), display=False) + "</span>")
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """A formula in a line of its own, after its number."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(f'<span class="formula">{set_formula(node, joined(node.astext()), display=True)}</span></div>\n')
    raise nodes.SkipNode


def choose(app: Sphinx, config: Config) -> None:
    """Jupyter Book loads Sphinx's extension for MathJax, which does nothing once another renderer is chosen."""
    config.html_math_renderer = RENDERER


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer(RENDERER, (visit_math, None), (visit_math_block, None))
    app.connect("config-inited", choose)
