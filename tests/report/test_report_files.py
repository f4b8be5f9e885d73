"""A report is written in full or not at all, and says why it was not."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest

from backtester.errors import ResultError
from backtester.report import write_report
from backtester.report.files import write_whole


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("the old one")
    return path


def only_the_old_one(path):
    return path.read_text() == "the old one" and list(path.parent.iterdir()) == [path]


def failing(code):
    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ((os, "fsync"), errno.ENOSPC),
        ((os, "fsync"), errno.EIO),
        ((os, "replace"), errno.EACCES),
        ((os, "chmod"), errno.EPERM),
        ((tempfile, "mkstemp"), errno.EROFS),
        ((tempfile, "mkstemp"), errno.EACCES),
    ],
)
def test_a_failing_disk_leaves_the_old_report_and_nothing_else(plain, target, monkeypatch, where, code):
    monkeypatch.setattr(*where, failing(code))
    with pytest.raises(ResultError) as caught:
        write_report(plain, target)
    assert str(target) in str(caught.value)
    assert os.strerror(code) in str(caught.value)
    monkeypatch.undo()
    assert only_the_old_one(target)


def test_a_disk_that_fills_up_while_writing(plain, target, monkeypatch):
    def short_of_room(handle, mode):
        file = real(handle, mode)

        class Full:
            def __enter__(self):
                return self

            def __exit__(self, *error):
                file.close()

            def write(self, content):
                file.write(content[:1000])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return Full()

    real = os.fdopen
    monkeypatch.setattr(os, "fdopen", short_of_room)
    with pytest.raises(ResultError, match="No space left on device"):
        write_report(plain, target)
    monkeypatch.undo()
    assert only_the_old_one(target)


def test_ctrl_c_while_writing_leaves_the_old_report(target, monkeypatch):
    def interrupt(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(target, b"new", "report")
    assert only_the_old_one(target)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is a Linux thing")
def test_a_device_without_room_is_an_error(plain):
    with pytest.raises(ResultError, match="No space left on device"):
        plain.report("/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no /dev/null")
def test_a_device_is_written_to_and_not_replaced(plain):
    plain.report("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_directory_that_is_not_there(plain, tmp_path):
    with pytest.raises(ResultError, match=r"no/such/report\.html.*No such file or directory"):
        write_report(plain, tmp_path / "no" / "such" / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_as_the_target(plain, tmp_path):
    with pytest.raises(ResultError, match="Is a directory"):
        write_report(plain, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["", b"report.html", "a\0b"])
def test_what_is_no_file_name(plain, path):
    with pytest.raises(ResultError, match="cannot write the report"):
        write_report(plain, path)


def test_a_new_report_replaces_the_old_one_and_keeps_its_permissions(plain, target):
    target.chmod(0o640)
    write_report(plain, str(target))
    assert target.read_text("utf-8").startswith("<!doctype html>")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert list(target.parent.iterdir()) == [target]


def test_a_first_report_has_the_usual_permissions(plain, tmp_path):
    path, other = tmp_path / "report.html", tmp_path / "other"
    write_report(plain, path)
    other.write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_a_link_stays_a_link(plain, target, tmp_path):
    link = tmp_path / "link.html"
    link.symlink_to(target)
    write_report(plain, link)
    assert link.is_symlink()
    assert target.read_text("utf-8").startswith("<!doctype html>")


def test_the_same_result_gives_the_same_bytes(plain, tmp_path):
    write_report(plain, tmp_path / "a.html")
    write_report(plain, tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
