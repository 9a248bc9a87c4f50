"""Unpacking: every kind of archive, and the tricks that an archive can try."""

import io
import random
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from alexbook.datasets import _archives

FILES = {"train/cat/1.jpg": b"meow", "train/dog/1.jpg": b"woof", "val/cat/2.jpg": b"", "notes é.txt": b"x" * 100_000}
MODES = {".tar": "w", ".tar.xz": "w:xz", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2"}


def make(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return path
    with tarfile.open(path, MODES[path.name.removeprefix("a")]) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_refused(archive: Path, reason: str) -> None:
    before = content(archive.parents[1])
    with pytest.raises(ValueError, match=reason) as caught:
        _archives.unpack(archive, archive.parent / "out")
    assert archive.name in str(caught.value) and "\n" not in str(caught.value)
    assert content(archive.parents[1]) == before, "something was left behind"
    assert not (archive.parent / "out").exists()


@pytest.fixture
def inner(tmp_path) -> Path:
    (tmp_path / "inner").mkdir()
    return tmp_path / "inner"


@pytest.mark.parametrize("suffix", _archives.SUFFIXES)
def test_every_kind_unpacks_to_the_same_and_only_what_is_wanted(suffix, tmp_path):
    archive = make(tmp_path / f"a{suffix}", FILES)
    assert _archives.is_archive(archive)
    _archives.unpack(archive, tmp_path / "out")
    _archives.unpack(archive, tmp_path / "cats", lambda name: "cat" in name)
    assert content(tmp_path / "out") == FILES
    assert set(content(tmp_path / "cats")) == {"train/cat/1.jpg", "val/cat/2.jpg"}
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("suffix", [".tar", ".tar.xz", ".zip"])
@pytest.mark.parametrize("name", ["../evil.jpg", "train/../../evil.jpg"])
def test_a_path_that_leads_out_is_refused(suffix, name, inner):
    archive = make(inner / f"a{suffix}", {"train/cat/1.jpg": b"meow", name: b"evil"})
    assert_refused(archive, "is refused: .*(outside|leads out)")


@pytest.mark.parametrize("suffix", [".tar", ".zip"])
@pytest.mark.parametrize("name", ["/etc/evil.jpg", "C:/evil.jpg", "..\\evil.jpg", "\\evil.jpg"])
def test_any_other_path_is_refused_or_stays_inside(suffix, name, inner):
    archive = make(inner / f"a{suffix}", {name: b"evil"})
    try:
        _archives.unpack(archive, inner / "out")
    except ValueError as error:
        assert "is refused" in str(error)
    assert all(path.is_relative_to(inner) for path in inner.parent.rglob("*evil.jpg"))
    assert not Path("/etc/evil.jpg").exists()


@pytest.mark.parametrize(("kind", "target"), [
    (tarfile.SYMTYPE, "/etc/passwd"), (tarfile.SYMTYPE, "../../../../x"), (tarfile.LNKTYPE, "/etc/passwd"),
    (tarfile.CHRTYPE, ""), (tarfile.BLKTYPE, ""), (tarfile.FIFOTYPE, "")])
def test_a_link_that_leads_out_or_a_device_in_a_tar_is_refused(kind, target, inner):
    info = tarfile.TarInfo("train/cat/odd.jpg")
    info.type, info.linkname = kind, target
    with tarfile.open(inner / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("train/cat/1.jpg"), io.BytesIO())
        archive.addfile(info)
    assert_refused(inner / "a.tar", "is refused|is damaged")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_a_link_or_device_in_a_zip_is_refused(mode, inner):
    with zipfile.ZipFile(inner / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("train/cat/odd.jpg")
        info.external_attr = (mode | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert_refused(inner / "a.zip", "is a link or a device")


@pytest.mark.parametrize("suffix", [".tar", ".tar.xz", ".tar.gz", ".tar.bz2", ".zip"])
@pytest.mark.parametrize("damage", [lambda whole: whole[:len(whole) * 2 // 3], lambda whole: b"",
                                    lambda whole: b"<html>Please log in</html>" * 50])
def test_what_is_cut_short_or_no_archive_is_damaged(suffix, damage, inner):
    archive = make(inner / f"a{suffix}", FILES)
    archive.write_bytes(damage(archive.read_bytes()))
    assert_refused(archive, "damaged, cut short or no archive")


@pytest.mark.parametrize("damage", [
    lambda whole: whole[:80] + bytes([whole[80] ^ 255]) + whole[81:],
    lambda whole: whole.replace((10_240).to_bytes(4, "little"), (10).to_bytes(4, "little"))],  # declares less
    ids=["a byte", "sizes"])
def test_a_changed_zip_is_damaged(damage, inner):
    archive = make(inner / "a.zip", {"train/cat/1.jpg": bytes(range(256)) * 40})
    archive.write_bytes(damage(archive.read_bytes()))
    assert_refused(archive, "is damaged")


@pytest.mark.parametrize("suffix", [".tar.xz", ".tar.gz", ".zip"])
@pytest.mark.parametrize("members", [1, 6])
def test_an_archive_that_unpacks_to_far_more_than_it_is_is_refused(suffix, members, inner, monkeypatch):
    monkeypatch.setattr(_archives, "AT_LEAST", 1_000_000)
    zeros = bytes(6_000_000 // members)
    archive = make(inner / f"a{suffix}", {f"train/cat/{number}.jpg": zeros for number in range(members)})
    assert_refused(archive, r"it unpacks to more than 1,\d{3},\d{3} bytes")


def test_what_hardly_gets_smaller_may_unpack_to_any_size(tmp_path, monkeypatch):
    monkeypatch.setattr(_archives, "AT_LEAST", 1000)
    _archives.unpack(make(tmp_path / "a.tar.gz", {"a.jpg": random.Random(0).randbytes(100_000)}), tmp_path / "out")
    assert (tmp_path / "out" / "a.jpg").stat().st_size == 100_000
