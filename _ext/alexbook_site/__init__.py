"""What makes a book of the notebooks: one Sphinx extension, listed once in ``_config.yml``.

Before a page is made: ``anchors``, ``numbering``, ``quiz``, ``glossary`` and ``widgets`` add to a chapter's document,
``chapter_list`` has the landing page's directives, ``photographs`` that of the credits, and ``self_test`` that of the
self-test. As it is made: ``formulas`` sets formulas; ``buttons``, ``head``, ``assets`` and ``icons`` fill the templates
in ``_templates``. When all are made: ``postprocess`` mends what neither documents nor templates can say. ``catalogs``
adds the quizzes' and the widgets' words to what ``make gettext`` writes for translators, and ``locales`` reads a
translation's; ``contact`` links where readers write to. What of Sphinx, MyST and the theme is used beyond what they
promise is in ``private_api``; ``chapters`` and ``planning`` read the notebooks, for tools and tests, and need nothing
but Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PARTS = ("anchors", "assets", "buttons", "catalogs", "chapter_list", "contact", "formulas", "glossary", "head",
         "icons", "numbering", "photographs", "postprocess", "private_api", "quiz", "search", "self_test", "widgets")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connects every part to the build."""
    from importlib import import_module

    for part in PARTS:
        import_module(f"{__name__}.{part}").setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
