"""A translation's words for what Sphinx does not translate by itself: the quizzes, which are HTML in a page."""

from collections.abc import Callable
from gettext import NullTranslations, translation
from pathlib import Path

from sphinx.application import Sphinx


def speaker(app: Sphinx, domain: str) -> Callable[[str], str]:
    """What says a message in the language of the pages; a message without a translation stays as it is.

    Args:
        app: the build, whose settings ``language`` and ``locale_dirs`` count.
        domain: the catalog's name, as "quizzes". Sphinx has made its ``.mo`` of the ``.po`` before it reads a page.
    """
    said = NullTranslations()
    for folder in app.config.locale_dirs:
        said.add_fallback(translation(domain, Path(app.srcdir) / folder, [app.config.language], fallback=True))
    return said.gettext
