"""From places to an index: which words stand where, and how much each says of the place.

``search.js`` takes a reader's words apart as :func:`words` does; the tests hold one against the other.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import snowballstemmer

from .places import Place

# What a word weighs by where it stands. In text it weighs more the more often it does, up to this much.
HEADING, ALIAS, PAGE, ABOVE, TEXT, CODE = 1.0, 0.7, 0.3, 0.3, 0.6, 0.3
STEPS = 24  # for one unit of weight
MOST = 89  # the largest weight that an index can hold
DIGITS = "".join(chr(code) for code in range(35, 126) if chr(code) != "\\")  # 90 signs to write numbers with

STOP_WORDS = frozenset("""
    a about am an and any are as at be been but by can could did do does for from get had has have how i if in into
    is it its just me my no not of on or our should so such that the their then there these they this to was we were
    what when where which who why will with would you your""".split())
THOUSANDS = re.compile("(?<![\\d.,])\\d{1,3}(?:[,\u202f\u2009]\\d{3})+(?!\\d|,\\d)")
SIZE = re.compile("(?<=\\d)\\s*[\u00d7x]\\s*(?=\\d)")
TOKEN = re.compile(r"[a-z0-9]+(?:[._'+-]+[a-z0-9]+)*")
CAMEL = re.compile(r"(?<=[a-z]{3})(?=[A-Z][a-z]{3})")
BRITISH = tuple((re.compile(pattern), instead) for pattern, instead in (
    (r"isation", "ization"), (r"ise(s|d|r|rs)?$", r"ize\1"), (r"ising$", "izing"), (r"yse(s|d|r)?$", r"yze\1"),
    (r"ysing$", "yzing"), (r"(?<=..)our(s|ed|ing|al|ful)?$", r"or\1"), (r"^grey", "gray"), (r"tre(s)?$", r"ter\1"),
    (r"^(label|model|travel|cancel)l(ed|ing)$", r"\1\2")))


def american(word: str) -> str:
    """A British spelling as the book's; other words may change as well, but the same everywhere."""
    if len(word) > 4:
        for pattern, instead in BRITISH:
            word = pattern.sub(instead, word)
    return word


def words(text: str) -> Iterator[str]:
    """The words of a text, as the index knows them.

    Numbers lose their commas (60,965,224 is 60965224), sizes their blanks (11 × 11 is 11x11, and 11); a word with a
    hyphen, period or underline is itself without it, and its parts; ``isation`` is ``ization``. Stop words are out.

    >>> list(words("60,965,224 colours of 55 × 55, fine-tuned"))
    ['60965224', 'colors', '55x55', '55', '55', 'finetuned', 'fine', 'tuned']
    """
    text = "".join(sign for sign in unicodedata.normalize("NFKD", text.lower().replace("\u2019", "'"))
                   if not unicodedata.combining(sign))
    text = THOUSANDS.sub(lambda number: re.sub(r"\D", "", number[0]), text)
    for token in TOKEN.findall(SIZE.sub("x", text)):
        token = re.sub(r"'s?$|'s\b", "", token)
        yield from (word for word in map(american, _parts(token)) if word and word not in STOP_WORDS)


def _parts(token: str) -> list[str]:
    if re.fullmatch(r"\d+(x\d+)+", token):
        sides = token.split("x")
        return [token, *(["x".join(sides[:2])] if len(sides) > 2 else []), *sides]
    if re.fullmatch(r"\d+(\.\d+)*(e[+-]?\d+)?", token):
        return [token]
    parts = [part for part in re.split(r"[._'+-]+", token) if part]
    return [token] if len(parts) == 1 else ["".join(parts), *parts]


def humps(text: str) -> str:
    """The parts of names such as ``ZeroPadding2D``."""
    names = (name for name in re.findall(r"\w+", text) if CAMEL.search(name))
    return " ".join(re.sub(r"\dD$", "", CAMEL.sub(" ", name)) for name in names)


def weigh(place: Place, alias: str, typical: float) -> dict[str, float]:
    """How much each word says of a place.

    Args:
        place: the place.
        alias: what the glossary calls it.
        typical: how many words a place usually has.
    """
    found: Counter[str] = Counter()
    title = set(words(place.heading))
    for word in title:
        found[word] += HEADING / (0.8 + 0.2 * len(title))
    for weight, field in ((ALIAS, alias), (PAGE, place.page_title if place.above else ""),
                          (ABOVE, " ".join(place.above[1:]))):
        for word in set(words(field)):
            found[word] += weight
    for weight, field in ((TEXT, place.text), (CODE, f"{place.code} {humps(place.code + place.text)}")):
        counted = Counter(words(field))
        slow = 1.2 * (0.25 + 0.75 * counted.total() / typical)
        for word, count in counted.items():
            found[word] += weight * count / (count + slow)
    return found


def code_number(number: int) -> str:
    """A number from 0 on in as few signs as may be: all but the last are from the upper half.

    >>> code_number(0), code_number(44), code_number(45)
    ('#', 'O', 'Q#')
    """
    half = len(DIGITS) // 2
    signs = DIGITS[number % half]
    while number := number // half:
        signs = DIGITS[half + number % half] + signs
    return signs


def code_postings(postings: list[tuple[int, int]]) -> str:
    """Pairs of place and weight as text: how many places on, then one sign for the weight."""
    parts, last = [], -1
    for place, weight in postings:
        parts.append(code_number(place - last - 1) + DIGITS[weight])
        last = place
    return "".join(parts)


def stemmer() -> Callable[[str], str]:
    stem = snowballstemmer.stemmer("porter").stemWord
    return lambda word: stem(word) if word.isalpha() else word


def build(places: list[Place], names: Mapping[tuple[str, str], list[str]]) -> dict[str, list[str]]:
    """The index: words of one stem in one line, and where they stand.

    Args:
        places: all places of the book.
        names: what the glossary calls them, by page and address.

    Returns:
        ``words``, lines of words that share a stem, and ``where``, for each line its postings (:func:`code_postings`).
    """
    stem = stemmer()
    typical = sum(len(place.text.split()) for place in places) / max(len(places), 1)
    forms: dict[str, set[str]] = {}
    where: dict[str, list[tuple[int, int]]] = {}
    for number, place in enumerate(places):
        stems: Counter[str] = Counter()
        for word, weight in weigh(place, " ".join(names.get((place.page, place.address), ())), typical).items():
            forms.setdefault(stem(word), set()).add(word)
            stems[stem(word)] += weight
        for root, weight in stems.items():
            where.setdefault(root, []).append((number, min(MOST, max(1, round(STEPS * weight)))))
    roots = sorted(where)
    return {"words": [" ".join(sorted(forms[root], key=lambda word: (len(word), word))) for root in roots],
            "where": [code_postings(where[root]) for root in roots]}
