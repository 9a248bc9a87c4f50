"""What translators get of quizzes and widgets: every message, whole, and no code; and what a quiz makes of it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from alexbook_site import catalogs, locales, quiz
from babel.messages import Catalog as Translation
from babel.messages.mofile import write_mo
from repository import ROOT
from sphinx.builders.gettext import Catalog


@pytest.mark.parametrize(("script", "messages"), [
    ('const a = "Load the network";', ["Load the network"]),
    ('const a = "one sentence, "\n  + "in two parts.";', ["one sentence, in two parts."]),
    ("const a = `${good} of ${done} right`;", ["${good} of ${done} right"]),
    ('const a = `${n} pixels${p ? `, with ${p} of padding` : ""}; done`;',
     ['${n} pixels${p ? `, with ${p} of padding` : ""}; done']),
    ('this.number("stride", "stride", 1)', ["stride"]),
    (r'say("there is no \"map\" here")', ['there is no "map" here']),
    ('// "no message here"\n/* nor "one of these" */', []),
    ('"use strict"; h("div", { class: "ax-controls ax-four" }); svg("M${x} ${y}");', []),
    ('node.querySelector(".quiz-choices > li")', []),
])
def test_messages_of_a_script(script: str, messages: list[str]) -> None:
    assert [text for _, text in catalogs.script_messages(script)] == messages


def test_a_message_is_where_its_line_says() -> None:
    assert list(catalogs.script_messages('\n\nf("Copy link");')) == [(3, "Copy link")]


def added(builder: str) -> dict[str, Catalog]:
    found = {"quizzes": Catalog(), "widgets": Catalog()}
    app = SimpleNamespace(builder=SimpleNamespace(name=builder, catalogs=found), srcdir=str(ROOT))
    catalogs.add_catalogs(app, None)
    return found


def test_every_quiz_and_every_widget_is_in_the_catalogs() -> None:
    found = added("gettext")
    for path in ROOT.glob("quizzes/*.yml"):
        for question in quiz.load(path):
            assert question.text in found["quizzes"].messages
            assert {choice.why for choice in question.choices} <= set(found["quizzes"].messages)
    sources = {source for places in found["widgets"].metadata.values() for source, _, _ in places}
    speaking = [path for path in ROOT.glob("_static/widgets/*.js")
                if "static title" in path.read_text(encoding="utf-8")]
    assert len(speaking) >= 6 and {str(path) for path in speaking} <= sources
    assert "no weight decay" in found["widgets"].messages


def test_the_pages_need_no_catalogs() -> None:
    assert not any(catalog.messages for catalog in added("html").values())


def test_a_quiz_is_said_in_the_pages_language(tmp_path: Path) -> None:
    """What has no translation stays as it is."""
    folder = tmp_path / "locale" / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    french = Translation(locale="fr")
    french.add("How many?", "Combien ?")
    french.add("Right.", "Juste.")
    french.add(quiz.NUMBER, "Question {number} sur {of}")
    with (folder / "quizzes.mo").open("wb") as file:
        write_mo(file, french)
    asked = [quiz.Question("How many?", (quiz.Choice("3", "As counted.", True), quiz.Choice("4", "One too many.")))]

    def shown(language: str) -> str:
        app = SimpleNamespace(srcdir=str(tmp_path), config=SimpleNamespace(language=language, locale_dirs=["locale"]))
        return quiz.render(asked, locales.speaker(app, "quizzes"))

    assert shown("en") == quiz.render(asked)
    french_page = shown("fr")
    for words in ("Combien ?", "Juste.", "Question 1 sur 1", "As counted.", "No."):
        assert words in french_page
    assert "How many?" not in french_page
