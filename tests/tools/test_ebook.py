"""The EPUB and the pack of figures: whole, good XML, every link and file there; EPUBCheck where it is installed."""

import csv
import io
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from posixpath import dirname, join, normpath
from xml.etree import ElementTree

import pytest
from built_book import HTML, needs_pages
from ebook.book import Book, documents
from ebook.container import epub
from figure_pack import pack
from repository import CHAPTERS

XHTML, OPF = "{http://www.w3.org/1999/xhtml}", "{http://www.idpf.org/2007/opf}"
# Debian's epubcheck is the jar, elsewhere it is a script; a jar alone will do as well.
JAR = Path("/usr/share/java/epubcheck.jar")
FOUND = shutil.which("epubcheck") or (str(JAR) if JAR.is_file() and shutil.which("java") else "")
WEEKLY = bool(os.environ.get("ALEXBOOK_WEEKLY"))
PART = {"index.xhtml", "06-output-sizes.xhtml", "13-what-it-learned.xhtml", "glossary.xhtml"}
pytestmark = needs_pages


@pytest.fixture(scope="module")
def book() -> Book:
    return documents(HTML.resolve())


def checker(found: str) -> list[str]:
    """The command that runs EPUBCheck: itself, or Java with it where it is a jar."""
    with Path(found).open("rb") as file:
        return ["java", "-jar", found] if file.read(2) == b"PK" else [found]


@pytest.fixture(scope="module")
def packed(book: Book) -> bytes:
    return epub(book)


@pytest.fixture(scope="module")
def files(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def trees(files: dict[str, bytes]) -> dict[str, ElementTree.Element]:
    return {name: ElementTree.fromstring(text) for name, text in files.items() if name.endswith(".xhtml")}


def test_every_chapter_is_there_and_in_the_contents(trees: dict[str, ElementTree.Element]) -> None:
    listed = {link.get("href") for link in trees["book/contents.xhtml"].iter(f"{XHTML}a")}
    for path in CHAPTERS:
        assert f"{path.stem}.xhtml" in listed and f"book/{path.stem}.xhtml" in trees
    assert "solutions.xhtml" in listed


def test_links_and_pictures_lead_to_what_the_epub_has(files: dict[str, bytes],
                                                      trees: dict[str, ElementTree.Element]) -> None:
    places = {name: {tag.get("id") for tag in tree.iter()} for name, tree in trees.items()}
    followed = 0
    for name, tree in trees.items():
        for tag in tree.iter():
            target = tag.get("src") or (tag.get("href") if tag.tag == f"{XHTML}a" else None)
            if not target or target.startswith(("http:", "https:", "mailto:")):
                continue
            there, _, anchor = target.partition("#")
            where = normpath(join(dirname(name), there))
            assert where in files and (not anchor or anchor in places[where]), (name, target)
            followed += 1
    assert followed > 1000


def test_the_list_of_files_is_complete(files: dict[str, bytes]) -> None:
    listed = {f"book/{item.get('href')}" for item in ElementTree.fromstring(files["book/book.opf"]).iter(f"{OPF}item")}
    assert listed == set(files) - {"mimetype", "META-INF/container.xml", "book/book.opf"}


def test_nothing_needs_a_script_and_pictures_have_words(trees: dict[str, ElementTree.Element]) -> None:
    for name, tree in trees.items():
        for tag in tree.iter():
            assert tag.tag not in (f"{XHTML}script", f"{XHTML}details", f"{XHTML}button"), name
            assert tag.tag != f"{XHTML}img" or tag.get("alt") is not None, name
    chapter = trees["book/06-output-sizes.xhtml"]
    assert any(tag.tag.endswith("MathML}math") for tag in chapter.iter())
    text, solutions = ("".join(tree.itertext()) for tree in (chapter, trees["book/solutions.xhtml"]))
    assert "Check yourself" in text and "Right is" not in text and "Right is" in solutions


def test_the_same_book_is_the_same_file(book: Book, packed: bytes) -> None:
    assert epub(book) == packed


def test_a_jar_is_run_by_java_and_a_script_by_itself(tmp_path: Path) -> None:
    for name, content, command in (("one", b"#!/bin/sh\n", []), ("two", b"PK\x03\x04", ["java", "-jar"])):
        (tmp_path / name).write_bytes(content)
        assert checker(str(tmp_path / name)) == [*command, str(tmp_path / name)]


def part(book: Book, names: set[str]) -> Book:
    """Some documents of the book, as a book: links to the others are none, pictures of the others are left out."""
    def kept(link: re.Match) -> str:
        return link[0] if link[1] in names else ""

    documents = tuple(replace(one, body=re.sub(r' href="([\w-]+\.xhtml)[^"]*"', kept, one.body))
                      for one in book.documents if one.name in names)
    shown = {name: path for name, path in book.pictures.items() if any(name in one.body for one in documents)}
    return replace(book, documents=documents, pictures=shown)


@pytest.mark.skipif(not FOUND and not WEEKLY, reason="EPUBCheck is not installed")
def test_epubcheck_finds_nothing(book: Book, packed: bytes, tmp_path: Path) -> None:
    """In the landing page, two chapters and the glossary; weekly in all, which takes longer."""
    path = tmp_path / "book.epub"
    path.write_bytes(packed if WEEKLY else epub(part(book, PART)))
    done = subprocess.run([*checker(FOUND), str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]


def figures() -> Iterator[pack.Figure]:
    return pack.figures(HTML.resolve())


def test_every_numbered_figure_is_packed_with_caption_and_license() -> None:
    with zipfile.ZipFile(io.BytesIO(pack.pack(list(figures())))) as archive:
        names = set(archive.namelist())
        rows = list(csv.DictReader(io.StringIO(archive.read("captions.csv").decode())))
        assert {"README.md", "LICENSE-text", "captions.csv"} <= names
        assert {row["file"] for row in rows} == names - {"README.md", "LICENSE-text", "captions.csv"}
        for row in rows:
            assert row["chapter"] and row["number"].startswith("Figure ") and row["caption"], row["file"]
            assert row["alternative text"], row["file"]
            content = archive.read(row["file"])
            if row["file"].endswith(".svg"):
                assert ElementTree.fromstring(content).tag.endswith("svg"), row["file"]
