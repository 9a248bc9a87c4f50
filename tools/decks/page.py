"""A deck as one HTML file that needs nothing else: scripts, fonts, figures and the widgets' data are in it."""

import base64
import html
import json
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import markdown_it
from alexbook import weights
from alexbook.figures import palette
from alexbook_site import live, quiz, widgets
from alexbook_site.formulas import mathml
from alexbook_site.postprocess.html import POLICY_TAG, policy
from mdit_py_plugins.dollarmath import dollarmath_plugin

from .deck import Deck, Slide
from .numbers import filled
from .source import ROOT, Source, WrongDeck

HERE = Path(__file__).parent
REVEAL = ROOT / "extra" / "vendor" / "reveal"
FONTS = ROOT / "extra" / "vendor" / "fonts"
STATIC = ROOT / "_static" / "widgets"
WIDE = 1.55  # from this ratio of width to height on, words stand below a figure and not beside it
PANEL, LARGEST = (1110, 440), 28  # pixels for lines of code or output above words; the largest font
ADVANCE, LEADING = 0.61, 1.4  # of a monospace font: width of a letter, height of a line
FACES = (("source-serif-4-latin-400-normal", "Source Serif 4", 400),
         ("source-serif-4-latin-600-normal", "Source Serif 4", 600),
         ("stix-two-math-subset", "STIX Two Math", 400))
# Which data a widget needs, by its tag.
DATA = {"ax-output-size": ("networks",), "ax-convolution": ("images",), "ax-network-explorer": ("networks",),
        "ax-experiments": ("experiments",), "ax-digit": ("digits", *widgets.DIGITS),
        "ax-photograph": ("photographs", widgets.PHOTOGRAPHS)}
SPEAKER_SCRIPT = re.compile(r"<script>(.*?)<\\?/script>", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t"}


def formula(latex: str, options: dict) -> str:
    return mathml(latex, display=bool(options.get("display_mode")))


@cache
def _markdown() -> markdown_it.MarkdownIt:
    reader = markdown_it.MarkdownIt("commonmark", {"typographer": True, "html": False})
    return reader.enable(["smartquotes", "table"]).use(
        dollarmath_plugin, renderer=formula, double_inline=True, allow_labels=False)


def rendered(text: str, source: Source) -> str:
    """Markdown with numbers and formulas as HTML."""
    return _markdown().render(filled(text, source))


def inline(text: str, source: Source) -> str:
    """The same for a line without paragraphs."""
    return _markdown().renderInline(filled(text, source))


def figure(slide: Slide, source: Source) -> tuple[str, float]:
    """The figure that a slide names, and its ratio of width to height."""
    found = source.figure(slide.figure)
    return f'<figure class="shown">{found.markup}</figure>', found.ratio


def lines(text: str, slide: Slide, source: Source) -> str:
    """The lines that a slide shows of an output or a cell."""
    every = text.rstrip("\n").split("\n")
    first, last = slide.lines or (1, len(every))
    if not 1 <= first <= last <= len(every):
        raise WrongDeck(f"{source.name}: \"{slide.title}\" shows lines {first} to {last} of {len(every)}.")
    return "\n".join(every[first - 1:last])


def size(text: str) -> str:
    """The largest font size, as a style, with which lines of code or output fit on a slide."""
    rows = text.split("\n")
    fitting = min(PANEL[0] / (ADVANCE * max(map(len, rows))), PANEL[1] / (LEADING * len(rows)))
    return f'style="font-size: {min(LARGEST, int(fitting))}px"'


def output(slide: Slide, source: Source) -> str:
    """What the named cell showed: its table, or what it printed."""
    cell = source.cell(slide.output)
    if cell.tables:
        return f'<div class="shown table">{cell.tables[0]}</div>'
    if not cell.printed.strip():
        raise WrongDeck(f"{source.name}: the cell with {slide.output!r} shows no text.")
    text = lines(cell.printed, slide, source)
    return f'<pre class="shown" {size(text)}><samp>{html.escape(text)}</samp></pre>'


def code(slide: Slide, source: Source) -> str:
    """The named cell's source."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    text = lines(source.cell(slide.code).source, slide, source)
    shown = highlight(text, PythonLexer(), HtmlFormatter(style="a11y-light"))
    return f'<div class="shown" {size(text)}>{shown}</div>'


def ask(slide: Slide, source: Source) -> str:
    """A question of the quiz with its choices, to be answered by a show of hands."""
    question = source.question(slide.quiz)
    choices = "".join(f"<li>{quiz.marked(choice.text)}</li>" for choice in question.choices)
    return f'<p class="question">{quiz.marked(question.text)}</p><ol class="choices" type="A">{choices}</ol>'


def answer(slide: Slide, source: Source) -> str:
    """The right choice with its reason."""
    question = source.question(slide.answer)
    place = [choice.right for choice in question.choices].index(True)
    right = question.choices[place]
    return (f'<p class="question small">{quiz.marked(question.text)}</p>'
            f'<p class="right"><strong>{quiz.LETTERS[place]}.</strong> {quiz.marked(right.text)}</p>'
            f'<p class="why">{quiz.marked(right.why)}</p>')


def exercise(slide: Slide, source: Source) -> str:
    """An exercise's heading; its own words, unless the slide has some."""
    found = source.exercise(slide.exercise)
    words = "" if slide.text else rendered(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", found.text), source)
    return (f'<p class="exercise"><strong>Exercise {found.number}: {inline(found.title, source)}</strong> '
            f"({html.escape(found.effort)})</p>{words}")


def widget(slide: Slide, source: Source) -> str:
    """A widget as the chapter has it, with the slide's settings."""
    markup = source.widget(slide.widget)
    for name, value in slide.settings.items():
        markup, found = re.subn(rf'^(<[^>]*?\s{name}=)"[^"]*"', rf'\1"{html.escape(str(value))}"', markup, count=1)
        if not found:
            markup = re.sub(r"^<([a-z-]+)", rf'<\1 {name}="{html.escape(str(value))}"', markup, count=1)
    markup = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markup)
    return f'<div class="shown live" tabindex="0" role="group" aria-label="{html.escape(slide.title)}">{markup}</div>'


SHOWS = {"output": output, "code": code, "quiz": ask, "answer": answer, "exercise": exercise, "widget": widget}


def section(slide: Slide, deck: Source, sources: dict[str, Source]) -> str:
    """A slide as a reveal.js section."""
    source = sources[slide.of] if slide.of else deck
    layout, shown = "stacked", ""
    if slide.figure:
        shown, ratio = figure(slide, source)
        layout = "stacked" if ratio > WIDE else "beside"
    elif slide.kind in SHOWS:
        shown = SHOWS[slide.kind](slide, source)
    words = rendered(slide.text, deck)
    if slide.then:
        words += f'<div class="fragment">{rendered(slide.then, deck)}</div>'
    said = f'<div class="words">{words}</div>' if words else ""
    layout = layout if shown and said else "alone"
    return (f'<section data-timing="{round(60 * slide.minutes)}"><div class="slide {slide.kind} {layout}">'
            f"<h2>{inline(slide.title, deck)}</h2>"
            f'<div class="body">{shown}{said}</div></div>'
            f'<aside class="notes">{rendered(slide.notes, deck)}</aside></section>\n')


def first(deck: Deck, source: Source) -> str:
    """The slide with the chapter's title and the question that it answers."""
    about = source.about
    notes = (f"{about.title}: {deck.count} slides, about {deck.minutes:g} minutes with the exercises in class. "
             f"The chapter takes {about.minutes:g} minutes to read.")
    return (f'<section data-timing="60"><div class="slide first"><p class="book">AlexNet, Layer by Layer</p>'
            f'<h1><span class="chapter">{about.number}</span> {inline(about.title, source)}</h1>'
            f'<div class="body">{rendered(about.question, source)}</div></div>'
            f'<aside class="notes"><p>{html.escape(notes)}</p></aside></section>\n')


def last(source: Source) -> str:
    """The slide with the chapter's goals."""
    goals = "".join(f"<li>{inline(goal.words, source)}</li>" for goal in source.about.goals)
    return ('<section data-timing="60"><div class="slide last"><h2>After the chapter you can</h2>'
            f'<div class="body"><ul>{goals}</ul></div></div>'
            "<aside class=\"notes\"><p>The goals of the chapter; its exercises and its quiz show whether they are "
            "reached. Say which exercises are homework.</p></aside></section>\n")


def sections(deck: Deck) -> Iterator[str]:
    """All slides of a deck."""
    chapters = ROOT / "chapters"
    source = Source(chapters / f"{deck.name}.ipynb")
    others = {slide.of: Source(chapters / f"{slide.of}.ipynb") for slide in deck.slides if slide.of}
    yield first(deck, source)
    for slide in deck.slides:
        yield section(slide, source, others)
    yield last(source)


def style(tags: set[str]) -> str:
    """All style sheets of a deck with these widgets, fonts included."""
    from pygments.formatters import HtmlFormatter

    faces = "".join(
        f'@font-face{{font-family:"{family}";font-weight:{weight};'
        f"src:url(data:font/woff2;base64,{base64.b64encode((FONTS / f'{name}.woff2').read_bytes()).decode()})}}\n"
        for name, family, weight in FACES)
    sheets = [(REVEAL / name).read_text(encoding="utf-8") for name in ("reset.css", "reveal.css")]
    sheets += [faces, palette.stylesheet(), HtmlFormatter(style="a11y-light").get_style_defs(".highlight")]
    sheets += [(STATIC / "widgets.css").read_text(encoding="utf-8")] if tags else []
    return "\n".join([*sheets, (HERE / "deck.css").read_text(encoding="utf-8")])


def script(text: str, name: str = "") -> str:
    """A script within the page. Text in it that would end it, or begin a comment of HTML, is written otherwise."""
    text = text.replace("</script", r"<\/script").replace("<script", r"<\script").replace("<!--", r"<\!--")
    return f'<script{f" data-name={json.dumps(name)}" if name else ""}>{text}</script>\n'


@cache
def data(name: str) -> str:
    """Scripts that set the widgets' data of this name, as ``widgets-data/`` holds them for pages."""
    made = {"networks": widgets.networks_data, "images": widgets.images_data, "experiments": widgets.experiments_data,
            "digits": widgets.digits_data}
    if name == "photographs":
        found = [(name, live.photographs_data()), *live.photograph_files()]
        return "".join(script(widgets.script(part, value)) for part, value in found)
    if name == widgets.PHOTOGRAPHS:
        if name not in weights.names():
            return ""
        return "".join(script(widgets.script(part, value)) for part, value in live.in_parts(live.network_data(name)))
    return script(widgets.script(name, made[name]() if name in made else live.network_data(name)))


@cache
def pictures() -> str:
    """A script with the pictures that receptive fields are drawn on."""
    with tempfile.TemporaryDirectory() as folder:
        widgets.write_pictures(Path(folder))
        found = {path.name: f"data:image/{'jpeg' if path.suffix == '.jpg' else 'png'};base64,"
                            + base64.b64encode(path.read_bytes()).decode() for path in sorted(Path(folder).iterdir())}
    return script(f"Object.assign(alexbook.files, {json.dumps(found)});")


def scripts(tags: set[str]) -> str:
    """All scripts of a deck with these widgets."""
    found = []
    if tags:
        found.append(script((STATIC / "base.js").read_text(encoding="utf-8")))
        needed = dict.fromkeys(name for tag in sorted(tags) for name in DATA[tag])
        found += [data(name) for name in needed]
        found += [pictures()] if "ax-network-explorer" in tags else []
        shared = dict.fromkeys(name for tag in sorted(tags) for name in widgets.SHARED.get(tag, ()))
        own = [f"{tag.removeprefix('ax-')}.js" for tag in sorted(tags)]
        found += [script((STATIC / name).read_text(encoding="utf-8"), name.removesuffix(".js"))
                  for name in [*shared, *own]]
    found += [script((REVEAL / name).read_text(encoding="utf-8")) for name in ("reveal.js", "notes.js")]
    return "".join([*found, script((HERE / "deck.js").read_text(encoding="utf-8"))])


@cache
def speaker_script() -> str:
    """The script of the speaker's window, which the notes' script writes; its window has the page's policy."""
    text = (REVEAL / "notes.js").read_text(encoding="utf-8")
    found = SPEAKER_SCRIPT.search(text)
    assert found is not None
    return re.sub(r"\\(.)", lambda escaped: ESCAPES.get(escaped[1], escaped[1]), found[1], flags=re.DOTALL)


def page(deck: Deck) -> str:
    """The deck as one HTML file.

    Raises:
        WrongDeck: where a slide names what its chapter does not have.
    """
    slides = "".join(sections(deck))
    title = html.escape(Source(ROOT / "chapters" / f"{deck.name}.ipynb").about.title)
    tags = set(widgets.TAG.findall(slides))
    body = (f'<body><main class="reveal" aria-label="Slides: {title}"><div class="slides">\n{slides}</div></main>\n'
            f"{scripts(tags)}</body>")
    allowed = policy(f"{body}<script>{speaker_script()}</script>") + "; frame-src 'self' file:"
    return (f'<!DOCTYPE html>\n<html lang="en" data-theme="light">\n<head>\n<meta charset="utf-8">\n'
            f'{POLICY_TAG} content="{allowed}"/>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title}: slides</title>\n<style>{style(tags)}</style>\n</head>\n{body}\n</html>\n")


def index(decks: list[Deck]) -> str:
    """The list of all decks, as a page beside them."""
    rows = []
    for deck in decks:
        about = Source(ROOT / "chapters" / f"{deck.name}.ipynb").about
        title = html.escape(about.title)
        rows.append(f'<tr><td>{about.number}</td><th scope="row"><a href="{deck.name}.html">{title}</a></th>'
                    f'<td><a href="{deck.name}.pdf" aria-label="{title} as PDF">PDF</a></td><td>{deck.count}</td>'
                    f"<td>{deck.minutes:g}</td></tr>\n")
    text = (HERE / "index.html").read_text(encoding="utf-8").replace("<!-- rows -->", "".join(rows))
    return text.replace("/* palette */", palette.stylesheet())
