r"""A question's text as HTML, LaTeX and Markdown.

The text is the quizzes' own: code between `backticks`, *stress* between asterisks. A formula between ``$`` signs is
LaTeX; in HTML it stands between ``\(`` and ``\)``, which Moodle's MathJax filter and Canvas both typeset.
"""

import re
from html import escape

from alexbook_site.quiz import marked

PARTS = re.compile(r"(`[^`]*`|\$[^$]+\$)")
SPECIAL = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
           "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "$": r"\$", "×": r"$\times$", "−": r"$-$",
           "·": r"$\cdot$", "⌊": r"$\lfloor$", "⌋": r"$\rfloor$", "≥": r"$\ge$", "≤": r"$\le$"}


def html(text: str) -> str:
    r"""A text as HTML; formulas between ``\(`` and ``\)``.

    >>> html("Is $n < 3$ in `a < b`?")
    'Is \\(n &lt; 3\\) in <code>a &lt; b</code>?'
    """
    parts = re.split(r"(\$[^$]+\$)", text) if "$" in text else [text]
    return "".join(rf"\({escape(part[1:-1], quote=False)}\)" if place % 2 else marked(part)
                   for place, part in enumerate(parts))


def latex(text: str) -> str:
    r"""A text as LaTeX.

    >>> latex("5 × 5 of `Conv_1` is 100 %")
    '5 $\\times$ 5 of \\texttt{Conv\\_1} is 100 \\%'
    """
    done = []
    for part in PARTS.split(text):
        if part.startswith("$") and len(part) > 1:
            done.append(part)
        elif part.startswith("`") and len(part) > 1:
            done.append(rf"\texttt{{{_plain(part[1:-1])}}}")
        else:
            prose = re.sub(r"\*(\w[^*]*)\*", "\0\\1\1", part)
            done.append(_plain(prose).replace("\0", r"\emph{").replace("\1", "}"))
    return "".join(done)


def _plain(text: str) -> str:
    return "".join(SPECIAL.get(sign, sign) for sign in text)
