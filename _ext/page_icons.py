"""The icons of the pages, drawn here: a few hundred bytes inline instead of Font Awesome's 0.54 MB (gzipped) script."""

from bs4 import BeautifulSoup, Tag

# What the theme calls Font Awesome's icons, and one line each on a grid of 24 x 24.
DRAWINGS = {
    "angle-left": "M15 5l-7 7 7 7",
    "angle-right": "M9 5l7 7-7 7",
    "arrow-up": "M12 20V5M6 11l6-6 6 6",
    "bars": "M4 7h16M4 12h16M4 17h16",
    "chevron-down": "M5 9l7 7 7-7",
    "circle-half-stroke": "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18zM12 3v18M15 4v16M18 6v12",
    "code": "M8 7l-5 5 5 5M16 7l5 5-5 5",
    "download": "M12 4v11M7 11l5 5 5-5M5 20h14",
    "expand": "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
    "file": "M6 3h8l4 4v14H6zM14 3v4h4",
    "file-pdf": "M7 9V3h10v6M7 17H4V9h16v8h-3M7 14h10v7H7z",  # a printer: that button prints the page
    "github": "M7 8a2 2 0 1 0 0-4a2 2 0 0 0 0 4zM7 20a2 2 0 1 0 0-4a2 2 0 0 0 0 4zM17 8a2 2 0 1 0 0-4a2 2 0 0 0 0 4z"
              "M7 8v8M17 8c0 5-10 3-10 8",
    "lightbulb": "M9 18h6M10 21h4M12 3a6 6 0 0 0-3.5 10.9c.5.4.5 1 .5 1.6h6c0-.6 0-1.2.5-1.6A6 6 0 0 0 12 3z",
    "list": "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01",
    "magnifying-glass": "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM15.3 15.3L20 20",
    "moon": "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
    "pencil-alt": "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
    "play": "M7 4l13 8-13 8z",
    "rocket": "M12 3c4 2 6 6 5 12H7C6 9 8 5 12 3zM12 9v1M8 15l-3 5M16 15l3 5M12 15v5",
    "sun": "M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M4.9 4.9l1.8 1.8"
           "M17.3 17.3l1.8 1.8M4.9 19.1l1.8-1.8M17.3 6.7l1.8-1.8",
}
FAMILIES = {"fa", "fas", "far", "fab", "fa-solid", "fa-regular", "fa-brands", "fa-lg"}


def icon(page: BeautifulSoup, name: str) -> Tag:
    """One icon as inline SVG in the text's color, hidden from screen readers: the button beside it has a name."""
    picture = page.new_tag("svg", attrs={"class": "icon", "viewBox": "0 0 24 24", "aria-hidden": "true"})
    picture.append(page.new_tag("path", attrs={"d": DRAWINGS[name]}))
    return picture


def draw_icons(page: BeautifulSoup) -> None:
    """Replaces the theme's ``<i class="fa-solid fa-sun">`` by drawings; other classes and attributes stay.

    Raises:
        KeyError: for an icon without a drawing, which would leave a button empty.
    """
    for old in page.select("i[class*='fa-'], span[class*='fa-']"):
        classes = old.get("class", [])
        names = [c.removeprefix("fa-") for c in classes if c.startswith("fa-") and c not in FAMILIES]
        if not names:
            continue
        new = icon(page, names[0])
        new["class"] = ["icon", *(c for c in classes if not c.startswith("fa"))]
        new.attrs |= {key: value for key, value in old.attrs.items() if key.startswith("data-")}
        old.replace_with(new)
