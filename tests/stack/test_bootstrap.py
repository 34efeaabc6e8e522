"""Set-up names what a machine lacks, and knows what it has done already."""

from __future__ import annotations

import os
import ssl
import sys

import pytest

from stack import bootstrap


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH of our own; `program(name, script)` puts a program there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def program(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return str(folder / name)

    return program


REAL = f'exec {sys.executable} "$@"'


def test_the_first_python_that_suits_is_taken(path):
    path("python3.11", "exit 127")  # a shim for a version that is not installed
    suits = path("python3", REAL)
    assert bootstrap.find_python() == suits


def test_a_python_without_venv_is_named_with_its_package(path):
    path("python3.11", f'case "$2" in *ensurepip*) exit 1;; esac; {REAL}')
    version = "{}.{}".format(*sys.version_info)
    with pytest.raises(bootstrap.Missing, match=rf"no venv or ensurepip: apt-get install python{version}-venv"):
        bootstrap.find_python()


def test_no_python_that_suits_is_named_with_the_package(path):
    path("python3", "exit 1")
    with pytest.raises(bootstrap.Missing, match=r"3\.11, 3\.12 or 3\.13 is needed .* apt-get install python3\.11"):
        bootstrap.find_python()


def test_a_missing_compiler_is_named_with_its_package(path):
    with pytest.raises(bootstrap.Missing, match="gcc is missing: apt-get install gcc"):
        bootstrap.need_compiler()
    path("gcc", "exit 1")
    with pytest.raises(bootstrap.Missing, match="headers are missing: apt-get install libc6-dev"):
        bootstrap.need_compiler()


def test_what_is_installed_is_known_by_content_not_by_date(tmp_path, monkeypatch):
    lock = tmp_path / "lock.txt"
    lock.write_text("a==1")
    monkeypatch.setattr(bootstrap, "MADE_FROM", (lock,))
    monkeypatch.setattr(bootstrap, "DONE", tmp_path / ".installed")
    assert not bootstrap.is_done()
    (tmp_path / ".installed").write_text(bootstrap.wanted())
    os.utime(lock, (0, 2**31))
    assert bootstrap.is_done()
    lock.write_text("a==2")
    assert not bootstrap.is_done()


def test_a_checkout_that_was_moved_is_set_up_again(tmp_path, monkeypatch):
    before = bootstrap.wanted()
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    assert bootstrap.wanted() != before


@pytest.mark.parametrize("home", ["", "missing", "locked"])
def test_the_download_cache_goes_where_it_can_be_written(tmp_path, monkeypatch, home):
    for name in ("UV_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("HOME", str(tmp_path / home) if home else "")
    bootstrap.clean_environment()
    could = home == "missing" or (home == "locked" and os.geteuid() == 0)
    assert ("UV_CACHE_DIR" in os.environ) == (not could)


def test_the_machine_s_authorities_are_believed_where_there_are_any(tmp_path):
    """Behind a proxy that ends TLS, only the machine knows whom to believe; a bare machine knows nobody."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "ca.pem").write_text("")

    def paths(cafile, capath):
        return ssl.DefaultVerifyPaths(cafile, capath, "", "", "", "")

    assert not bootstrap.trusts_somebody(paths(None, None))
    assert not bootstrap.trusts_somebody(paths(None, str(tmp_path / "empty")))
    assert bootstrap.trusts_somebody(paths(None, str(tmp_path / "full")))
    assert bootstrap.trusts_somebody(paths("/etc/ssl/cert.pem", None))
