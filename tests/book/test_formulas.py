"""Formulas: what LaTeX becomes, that browsers can set it, and that its words stay."""

import re
import xml.etree.ElementTree as ET

import pytest
from alexbook_site.formulas import FormulaError, joined, mathml
from built_book import PAGES, each, needs_pages, soup
from fontTools.ttLib import TTFont
from repository import ROOT

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
# The elements of MathML Core (W3C, section 1.3): what Chromium, Firefox and Safari all set.
CORE = set("""annotation annotation-xml maction math merror mfrac mi mmultiscripts mn mo mover mpadded mphantom
    mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder
    munderover semantics""".split())


def shape(element: ET.Element) -> str:
    """``x^2`` as ``msup(x 2)``; rows that only hold others are left out."""
    name, inside = element.tag.removeprefix(NAMESPACE), " ".join(shape(child) for child in element)
    if not len(element):
        return element.text or ""
    return inside if name in ("math", "mrow") else f"{name}({inside})"


@pytest.mark.parametrize(("latex", "expected"), [
    ("x^2", "msup(x 2)"),
    (r"\frac{a}{b+1}", "mfrac(a b + 1)"),
    (r"\sqrt{2/n}", "msqrt(2 / n)"),
    ("w_{ij}", "msub(w i j)"),
    (r"62{,}378{,}344", "62,378,344"),
    ("0.5", "0.5"),
    ("f'(x)", "f \N{PRIME} ( x )"),
    ("y'_i", "msub(y \N{PRIME} i)"),
    (r"\Big(a\Big)^\beta", "( a msup() \N{GREEK SMALL LETTER BETA})"),
    (r"\lfloor n \rfloor", "\N{LEFT FLOOR} n \N{RIGHT FLOOR}"),
    (r"\boxed{x}", "x"),
    (r"\underbrace{a}_{\text{one}}", "munder(munder(a \N{BOTTOM CURLY BRACKET}) one)"),
])
def test_structure(latex: str, expected: str) -> None:
    assert shape(ET.fromstring(mathml(latex, display=False))) == expected


def test_sum_has_its_limits_below_and_above_in_a_line_of_its_own() -> None:
    own, within = (mathml(r"\sum_{i=1}^n i", display=display) for display in (True, False))
    assert shape(ET.fromstring(own)).startswith("munderover(\N{N-ARY SUMMATION} i = 1 n)")
    assert 'display="block"' in own and 'display="block"' not in within


def test_text_alternative_is_the_latex() -> None:
    formula = ET.fromstring(mathml('a < b\n \\text{ "or" } c', display=False))
    assert formula.get("alttext") == 'a < b \\text{ "or" } c'


@pytest.mark.parametrize(("latex", "words"), [(r"\foo{x}", r'Unknown command "\foo"'), (r"\frac{a}", "Expected"),
                                              ("a & b", "table"), ("{", "closing")])
def test_wrong_latex_is_named(latex: str, words: str) -> None:
    with pytest.raises(FormulaError, match=re.escape(words)) as error:
        mathml(latex, display=True)
    assert str(error.value).startswith(f"The formula {latex} cannot be set: ")


@pytest.mark.parametrize("latex", ["a", r"a \\ b", "a\n\nb", r"\begin{cases} a \\ b \end{cases}"])
def test_lines_of_a_display_formula(latex: str) -> None:
    assert len(ET.fromstring(mathml(joined(latex), display=True)).findall(f".//{NAMESPACE}mtr")) == (latex != "a") * 2


@needs_pages
@each(PAGES)
def test_formulas_of_a_page(page) -> None:
    """Each is set, in elements that browsers know, with its LaTeX; and nothing of MathJax is there."""
    text = soup(page)
    for place in text.select("article .math"):
        formula = place.select_one("math[alttext]")
        assert formula and formula["alttext"], place
        assert {element.name for element in formula.find_all(True)} <= CORE
    assert not [script for script in text.select("script") if re.search("mathjax", str(script), re.IGNORECASE)]


@needs_pages
def test_font_has_every_sign_of_the_formulas() -> None:
    signs = {sign for page in PAGES for formula in soup(page).select("article math") for sign in formula.get_text()}
    font = TTFont(ROOT / "extra" / "vendor" / "fonts" / "stix-two-math-subset.woff2") if _woff2() else None
    known = set(font.getBestCmap()) if font else _ranges()
    assert signs and {sign for sign in signs if ord(sign) not in known and not sign.isspace()} == set()


def _woff2() -> bool:
    """Whether this environment can read WOFF2."""
    try:
        import brotli  # noqa: F401
    except ImportError:
        return False
    return True


def _ranges() -> set[int]:
    """What the font was made with, where it cannot be read."""
    from fontTools.subset import parse_unicodes
    from math_font import RANGES

    return set(parse_unicodes(RANGES))
