"""The book's colors, once: for plots, drawings, the pages' style sheet, widgets, logo and print.

``BLUE`` to ``SKY`` are Okabe and Ito's palette (2008), chosen to be told apart with any kind of color vision. They are
for areas and lines; what is to be read on a page has the colors of ``LIGHT`` or ``DARK`` that end in ``text``.
Pure Python: the drawings and the tools import it without Matplotlib.
"""

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
INK, FAINT = "#222222", "#B8B8B8"
GRAY, MIDDLE = "#999999", "#6E7781"  # an input's box; lines of a picture that cannot know its page's color
PALE_BLUE = "#E4EEF5"  # pixels of an input row
PALEST_BLUE = "#DCEAF4"  # the diagonal of a confusion matrix

COLORS = {"blue": BLUE, "orange": ORANGE, "green": GREEN, "vermilion": VERMILION, "purple": PURPLE, "sky": SKY,
          "gray": GRAY}

# What a page is made of, in either theme. The names are those of the style sheet's variables, without "--ax-".
LIGHT = {
    "blue-text": "#00639B", "orange-text": "#835A00", "green-text": "#00704F",
    "vermilion-text": "#A84900", "purple-text": "#94386D", "sky-text": "#1A6A99",
    "blue-line": BLUE,
    "page": "#FFFFFF", "panel": "#F6F5F1", "rule": "#DDDAD2", "border": "#D4D0C7", "target": "#FFF3D1",
    "text": "#22262B", "muted": "#545B64", "heading": "#14181D", "hairline": "#A3ABB5",
}
DARK = {
    "blue-text": "#7CC5EE", "orange-text": "#F0B94A", "green-text": "#4FD0A8",
    "vermilion-text": "#FF9A5C", "purple-text": "#E5A9CB", "sky-text": "#7CC5EE",
    "blue-line": "#3D9BD6",
    "page": "#14181D", "panel": "#1C2127", "rule": "#353C45", "border": "#434B55", "target": "#453A1B",
    "text": "#D9DDE2", "muted": "#A3ABB5", "heading": "#F1F3F5", "hairline": "#545B64",
}

# What a plot's colors become in the dark; black and the other colors stay, other grays change places
# (alexbook_site.postprocess.figures).
PLOT_IN_THE_DARK = {
    "#FFFFFF": DARK["page"], INK: DARK["text"], FAINT: "#6B747E", BLUE: DARK["blue-line"],
    PALE_BLUE: "#1F3A4D", PALEST_BLUE: "#20435A", "#EEEEEE": "#2A3139",
}


def stylesheet() -> str:
    """The palette as variables of a style sheet: ``--ax-blue`` and so on, and what depends on the theme.

    Returns:
        Three rules, each line ended; ``tools/draw.py`` writes them into ``_static/book.css``.
    """
    return "".join(f"{selector} {{\n{_variables(colors)}}}\n" for selector, colors in (
        (":root", COLORS), ('html[data-theme="light"]', LIGHT), ('html[data-theme="dark"]', DARK)))


def _variables(colors: dict[str, str], each_line: int = 4) -> str:
    declared = [f"--ax-{name}: {color};" for name, color in colors.items()]
    rows = (declared[start:start + each_line] for start in range(0, len(declared), each_line))
    return "".join(f"  {' '.join(row)}\n" for row in rows)
