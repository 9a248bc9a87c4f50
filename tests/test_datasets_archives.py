"""Unpacking: every kind of archive, and every trick that an archive can try."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from alexbook import archives

FILES = {"train/cat/1.jpg": b"meow", "train/dog/1.jpg": b"woof", "val/cat/2.jpg": b"", "notes é.txt": b"x" * 100_000}
MODES = {".tar": "w", ".tar.xz": "w:xz", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2"}


def make(path: Path, members: list[tuple[str, bytes]]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(zipfile.ZipInfo(name), content)
        return path
    with tarfile.open(path, MODES[path.name.removeprefix("a")]) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("suffix", archives.SUFFIXES)
def test_every_kind_unpacks_to_the_same(suffix, tmp_path):
    archive = make(tmp_path / f"a{suffix}", list(FILES.items()))
    assert archives.is_archive(archive)
    archives.unpack(archive, tmp_path / "out")
    assert content(tmp_path / "out") == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == [archive.name, "out"]


def test_only_what_is_wanted_is_unpacked(tmp_path):
    archives.unpack(make(tmp_path / "a.zip", list(FILES.items())), tmp_path / "out", lambda name: "cat" in name)
    assert set(content(tmp_path / "out")) == {"train/cat/1.jpg", "val/cat/2.jpg"}


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo("train/cat/odd.jpg")
    info.type, info.linkname = kind, target
    return info


def assert_refused(archive: Path, reason: str) -> None:
    before = content(archive.parents[1])
    with pytest.raises(ValueError, match=reason) as caught:
        archives.unpack(archive, archive.parent / "out")
    assert archive.name in str(caught.value) and "\n" not in str(caught.value)
    assert content(archive.parents[1]) == before, "something was left behind"
    assert not (archive.parent / "out").exists()


@pytest.fixture
def inner(tmp_path) -> Path:
    (tmp_path / "inner").mkdir()
    return tmp_path / "inner"


@pytest.mark.parametrize("suffix", [".tar", ".tar.xz", ".zip"])
@pytest.mark.parametrize(("name", "reason"), [
    ("/etc/passwd", "absolute path"), ("//server/share", "absolute path"), ("C:/windows/a.jpg", "absolute path"),
    ("C:a.jpg", "absolute path"), ("../evil.jpg", r"'\.\.'"), ("train/../../evil.jpg", r"'\.\.'"),
    ("..\\evil.jpg", r"'\.\.'"), ("\\evil.jpg", "absolute path"), ("train/..", r"'\.\."),
])
def test_a_path_that_leads_out_is_refused(suffix, name, reason, inner):
    assert_refused(make(inner / f"a{suffix}", [("train/cat/1.jpg", b"meow"), (name, b"evil")]), reason)


@pytest.mark.parametrize(("info", "reason"), [
    (special(tarfile.SYMTYPE, "/etc/passwd"), "symbolic link"), (special(tarfile.SYMTYPE, "1.jpg"), "symbolic link"),
    (special(tarfile.LNKTYPE, "train/cat/1.jpg"), "hard link"), (special(tarfile.LNKTYPE, "/etc/passwd"), "hard link"),
    (special(tarfile.CHRTYPE), "device file"), (special(tarfile.BLKTYPE), "device file"),
    (special(tarfile.FIFOTYPE), "device file"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_link_or_device_in_a_tar_is_refused(info, reason, inner):
    with tarfile.open(inner / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("train/cat/1.jpg"), io.BytesIO())
        archive.addfile(info)
    assert_refused(inner / "a.tar", reason)


@pytest.mark.parametrize(("mode", "reason"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFCHR, "device file"),
                                              (stat.S_IFIFO, "device file")])
def test_a_link_or_device_in_a_zip_is_refused(mode, reason, inner):
    with zipfile.ZipFile(inner / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("train/cat/odd.jpg")
        info.external_attr = (mode | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert_refused(inner / "a.zip", reason)


def test_a_link_planted_for_a_later_member_gets_nowhere(inner):
    (inner.parent / "victim").mkdir()
    with tarfile.open(inner / "a.tar", "w") as archive:
        link = special(tarfile.SYMTYPE, str(inner.parent / "victim"))
        link.name = "train"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("train/evil.jpg"), io.BytesIO())
    assert_refused(inner / "a.tar", "symbolic link")


@pytest.mark.parametrize("suffix", [".tar", ".tar.xz", ".tar.gz", ".tar.bz2", ".zip"])
def test_an_archive_that_is_cut_short_is_damaged(suffix, inner):
    archive = make(inner / f"a{suffix}", list(FILES.items()))
    archive.write_bytes(archive.read_bytes()[:archive.stat().st_size * 2 // 3])
    assert_refused(archive, "damaged, cut short or no archive")


@pytest.mark.parametrize("suffix", [".tar", ".tar.xz", ".zip"])
@pytest.mark.parametrize("content", [b"", b"<html>Please log in</html>" * 50])
def test_what_is_no_archive_is_damaged(suffix, content, inner):
    (inner / f"a{suffix}").write_bytes(content)
    assert_refused(inner / f"a{suffix}", "damaged, cut short or no archive")


def test_a_changed_byte_in_a_zip_is_damage(inner):
    archive = make(inner / "a.zip", [("train/cat/1.jpg", bytes(range(256)) * 40)])
    whole = bytearray(archive.read_bytes())
    whole[80] ^= 255
    archive.write_bytes(whole)
    assert_refused(archive, "damaged")


def test_a_member_that_is_file_and_folder_is_damage(inner):
    assert_refused(make(inner / "a.tar", [("train", b"file"), ("train/cat.jpg", b"in it")]), "damaged")
