"""The library of kernels: built once, by gcc alone; found, chosen from, or missed, and then what to install."""

import platform

import pytest

from assay.errors import Unavailable
from native import build, loader

MACHINE = platform.machine()
SIMD = build.SOURCES / "simd"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder for what is built of one small kernel, and nothing that was loaded before."""
    sources = tmp_path / "src"
    (sources / "simd").mkdir(parents=True)
    for name in ("kernel.h", "machine.c", "pool.c", "simd.h", *(f"simd/{path.name}" for path in SIMD.iterdir())):
        (sources / name).write_bytes((build.SOURCES / name).read_bytes())
    (sources / "small.c").write_text('#include "simd.h"\nKERNEL(width)(void) { return WIDTH; }\n')
    monkeypatch.setattr(build, "SOURCES", sources)
    monkeypatch.setattr(build, "BUILT", tmp_path / "lib")
    (tmp_path / "lib").mkdir()
    forget()
    yield tmp_path / "lib"
    forget()


def forget():
    loader.load.cache_clear()
    loader._open.cache_clear()


def test_what_has_not_changed_is_not_built_again(elsewhere):
    path = build.build()
    first = path.stat()
    assert build.build() == path
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    assert [each.name for each in elsewhere.iterdir()] == [path.name]


def test_other_sources_are_built_and_the_old_library_is_not_used_meanwhile(elsewhere):
    old = build.build().stat().st_ino
    (build.SOURCES / "small.c").write_text('#include "simd.h"\nKERNEL(width)(void) { return 1000 + WIDTH; }\n')
    with pytest.raises(Unavailable, match="not made from the sources"):
        loader.load()
    path = build.build()
    assert path.stat().st_ino != old
    assert build.sources().encode() in path.read_bytes()


def test_without_a_library_it_is_said_what_to_install(elsewhere):
    with pytest.raises(Unavailable, match="no compiled kernels") as missing:
        loader.load()
    assert "apt-get install gcc libc6-dev" in missing.value.hint


def test_a_file_that_is_no_library_is_none(elsewhere):
    build.path_of(MACHINE).write_bytes(b"\x7fELF and no more")
    with pytest.raises(Unavailable, match="no compiled kernels"):
        loader.load()


def test_without_a_compiler_it_is_said_what_to_install(elsewhere):
    with pytest.raises(build.Failed, match="apt-get install gcc libc6-dev"):
        build.build("no-such-gcc")
    assert not list(elsewhere.iterdir())


def test_sources_that_do_not_compile_leave_nothing_behind(elsewhere):
    (build.SOURCES / "broken.c").write_text("int f(void) { return }")
    with pytest.raises(build.Failed, match=r"broken\.c"):
        build.build()
    assert not list(elsewhere.iterdir())


def test_the_environment_chooses_among_what_the_machine_has(elsewhere, monkeypatch):
    build.build()
    monkeypatch.setenv(loader.VARIABLE, "portable")
    assert loader.load().isa == "portable"
    forget()
    monkeypatch.setenv(loader.VARIABLE, "sse9")
    with pytest.raises(Unavailable) as refused:
        loader.load()
    assert refused.value.expected == " | ".join(loader.supported())
    assert loader.supported()[-1] == "portable"
