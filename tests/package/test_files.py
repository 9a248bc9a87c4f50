"""Files written in one step, and locks that end with their process."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alexbook import _files

HOLDER = """
import sys
from pathlib import Path
from alexbook import _files
held = _files.lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "file"
    _files.replace_file(path, b"old")
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        _files.replace_file(path, b"new")
    assert path.read_bytes() == b"old" and [p.name for p in path.parent.iterdir()] == ["file"]


def test_what_a_kill_leaves_is_found_by_its_name(tmp_path):
    code = ("import os, sys\nfrom pathlib import Path\nfrom alexbook import _files\n"
            "os.fsync = lambda number: os.kill(os.getpid(), 9)\n_files.replace_file(Path(sys.argv[1]), b'new')")
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.json")], check=False).returncode != 0
    (tmp_path / "mine.part").touch()
    assert [path.read_bytes() for path in tmp_path.glob(_files.HALF)] == [b"new"]


def test_one_process_at_a_time_has_a_lock(tmp_path):
    path = tmp_path / "lock"
    process = holder(path)
    with pytest.raises(BlockingIOError, match="another process has it"):
        _files.lock(path)
    process.kill()
    process.communicate()
    _files.lock(path, seconds=5).release()
    assert holder(path).communicate("")[0] == "", "a lock that was released can be had"


@pytest.mark.skipif(sys.platform == "win32", reason="there the locks are others")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_drive_without_locks_is_worked_on_without(number, tmp_path, monkeypatch, recwarn):
    import fcntl

    def none(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", none)
    _files.lock(tmp_path / "lock").release()


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="exists|directory"):
        _files.lock(tmp_path / "file" / "lock")
