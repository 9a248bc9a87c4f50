"""Solutions and answers, taken from the chapters and set at the end, with links there and back."""

import html
import re
from collections.abc import Iterable

from bs4 import Tag

from .pages import Page, Unprintable, parse, serialize

ANCHOR, TITLE = "solutions", "Solutions"
INTRODUCTION = ("The exercises' solutions and the answers to the quizzes, by chapter. Try first: a solution is worth "
                "most to those who have an attempt to compare it with.")


def reference(anchor: str, words: str) -> str:
    """A link with the page that it leads to, which is filled in once that is known."""
    return f'<a class="reference" href="#{anchor}">{words}, page {number(anchor)}</a>'


def number(anchor: str) -> str:
    """The place of a page's number in the text."""
    return f'<span class="page-number" data-of="{anchor}">000</span>'


def contents(folded: Tag) -> str:
    """What a ``details`` element holds besides its summary."""
    return "".join(serialize(child) if isinstance(child, Tag) else html.escape(child, quote=False)
                   for child in folded.contents if getattr(child, "name", None) != "summary")


def replace(folded: Tag, link: str) -> None:
    folded.replace_with(parse(f'<p class="to-solution">{link}</p>'))


def solutions(page: Page) -> Iterable[str]:
    """Takes the solutions out of a chapter; yields each with its exercise's title."""
    for folded in page.article.find_all("details"):
        if folded.summary.get_text(strip=True) != "Solution":
            continue
        exercise = folded.find_previous("p", id=re.compile(r"--exercise-\d+$"))
        if exercise is None:
            raise Unprintable(f"{page.name} has a solution without an exercise before it.")
        there = exercise["id"].replace("--exercise-", "--solution-")
        title = exercise.strong.decode_contents(formatter="minimal")
        yield (f'<section class="solution" id="{there}"><h3>{title}</h3>'
               f"<p>{reference(exercise['id'], 'The exercise')}</p>{contents(folded)}</section>")
        replace(folded, reference(there, "Solution"))


def answers(page: Page) -> Iterable[str]:
    """Takes the answers out of a chapter's quiz; yields each with its question's number."""
    for place, folded in enumerate(page.article.select("details.quiz-reasons"), 1):
        question = folded.find_parent("fieldset")
        there = question["id"].replace("--question-", "--answer-")
        yield (f'<section class="solution" id="{there}"><p><strong>Question {place}</strong> '
               f"({reference(question['id'], 'the question')})</p>{contents(folded)}</section>")
        replace(folded, reference(there, "Answer"))


def appendix(pages: list[Page]) -> Page:
    """The appendix as a page of its own; the chapters keep links to it."""
    parts = [f"<h1>{TITLE}</h1><p>{INTRODUCTION}</p>"]
    for page in pages:
        solved, answered = "".join(solutions(page)), "".join(answers(page))
        if solved or answered:
            quiz = f'<section class="answers"><h3>Check yourself</h3>{answered}</section>' if answered else ""
            heading = html.escape(page.heading, quote=False)
            parts.append(f'<section><h2 id="{ANCHOR}--{page.anchor}">{heading}</h2>{solved}{quiz}</section>')
    article = parse(f'<article class="bd-article" id="{ANCHOR}">{"".join(parts)}</article>').article
    return Page(f"{ANCHOR}.html", "Appendix", 0, TITLE, article)
