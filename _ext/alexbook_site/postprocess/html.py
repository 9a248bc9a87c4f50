"""What is changed in the HTML of a finished page, and why nothing before could do it.

- The content security policy names the checksums of the page's inline scripts, which are known when it is written.
- Pictures get their size from the files that the builder has copied by then (:mod:`.images`).
- Sphinx's and docutils' writers give a bibliography the role of a list whose items have other roles, and call a table's
  empty corner a header; a screen reader stumbles over both. A writer of our own would mend it, and be 2,000 lines.
- A short formula and the comma or period after it stay on one line: they are two nodes, and one is math.
- Scripts of the theme's extensions wait until the page is there, as a reader does not wait for them.
- Pictures below the first wait until they are near; which is the first shows when cells and text are one page.
"""

import base64
import hashlib
import re
from pathlib import Path

from .figures import show_both
from .images import set_sizes

# `file:` lets a copy on disk work in browsers where 'self' means nothing there; a page from the web cannot use it.
OWN = "'self' file:"
POLICY = ("default-src 'none'; script-src {own} {hashes}; style-src {own} 'unsafe-inline'; img-src {own} data:; "
          "font-src {own} data:; media-src {own}; connect-src 'self'; form-action {own}; base-uri 'none'")
POLICY_TAG = '<meta http-equiv="Content-Security-Policy"'
SHORT_FORMULA = re.compile(r'(<span class="math[^"]*"><math [^>]*alttext="[^"]{1,36}"(?:(?!</math>).)*</math></span>)'
                           r'([.,;:!?)\]\u2019\u201d]+)')
SCRIPT = re.compile(r"<script (?=src=)")
ARTICLE = re.compile(r"<article.*?</article>", re.DOTALL)


def mend(article: str) -> str:
    """Puts right in the text what is listed above."""
    article = re.sub(r'(<div[^>]* class="(?:docutils )?citation(?:-list)?"[^>]*?) role="[^"]*"', r"\1", article)
    article = re.sub(r' role="(?:list|doc-bibliography|doc-biblioentry)"', "", article)
    article = re.sub(r'<th class="head[^"]*">(?:<p>\s*</p>)?</th>', "<td></td>", article)
    article = SHORT_FORMULA.sub(r'<span class="held">\1\2</span>', article)
    first, image, rest = article.partition("<img ")
    return first + image + rest.replace("<img ", '<img loading="lazy" ')


def policy(text: str) -> str:
    """The page's content security policy: no foreign scripts, and of inline ones only those that are there now."""
    scripts = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", text, flags=re.DOTALL)
    digests = {hashlib.sha256(script.replace("\r\n", "\n").encode()).digest() for script in scripts}
    return POLICY.format(own=OWN, hashes=" ".join(sorted(f"'sha256-{base64.b64encode(d).decode()}'" for d in digests)))


def publish_page(text: str, folder: Path) -> str:
    """A page as it is published.

    Args:
        text: the page as Sphinx wrote it; one that is published already stays as it is.
        folder: where it lies.
    """
    if POLICY_TAG in text:
        return text
    text = ARTICLE.sub(lambda article: mend(show_both(set_sizes(article[0], folder), folder)), text, count=1)
    text = SCRIPT.sub("<script defer ", text)
    return re.sub(r"(<meta charset=[^>]*>)", rf'\1\n{POLICY_TAG} content="{policy(text)}"/>', text, count=1)
