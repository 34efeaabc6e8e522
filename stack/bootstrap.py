"""Sets this checkout up: `.venv` exactly as requirements/dev.txt says, `.venv-triton` as requirements/triton.txt.

Runs on the machine's own Python with the standard library alone, and parses on an old one, so that it can say
what is missing. Safe to interrupt and to run again: `.venv/.installed` holds a digest of all that the
environment was made from, and is written last. Changes nothing outside the checkout but the installers' caches.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
DONE = VENV / ".installed"
LOCKS = ROOT / "requirements"
MADE_FROM = (
    LOCKS / "bootstrap.txt",
    LOCKS / "dev.txt",
    ROOT / "pyproject.toml",
    ROOT / "sdk" / "pyproject.toml",
    Path(__file__),
)
CANDIDATES = ("python3.11", "python3.12", "python3.13", "python3")  # 3.13 is the last with a Triton stub
VERSION = "import sys; print('{}.{}'.format(*sys.version_info))"
SUITS = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"


class Missing(Exception):
    """This machine lacks something, or a step failed; says what to do."""


def main() -> None:
    lock = ROOT / "var"
    lock.mkdir(exist_ok=True)
    with (lock / "setup.lock").open("ab") as held:  # two runs of make side by side
        fcntl.flock(held, fcntl.LOCK_EX)
        clean_environment()
        if not is_done():
            python = find_python()
            need_compiler()
            install(python)
        run([PYTHON, "-m", "stack.setup"])


def wanted() -> str:
    """A digest of everything `.venv` is made from; its own place too, as an environment cannot be moved."""
    content = hashlib.sha256(os.fsencode(str(ROOT)))
    for path in MADE_FROM:
        content.update(path.read_bytes())
    return content.hexdigest()


def is_done() -> bool:
    try:
        same = DONE.read_text() == wanted()
        return same and subprocess.run([str(PYTHON), "-c", SUITS], check=False).returncode == 0
    except OSError:
        return False


def find_python() -> str:
    """The first interpreter that suits. Raises Missing."""
    for name in CANDIDATES:
        found = shutil.which(name)
        if found and quietly([found, "-c", SUITS]):
            if quietly([found, "-c", "import venv, ensurepip"]):
                return found
            version = subprocess.check_output([found, "-c", VERSION]).decode().strip()
            raise Missing(f"{found} has no venv or ensurepip: apt-get install python{version}-venv")
    have = "{}.{}".format(*sys.version_info)
    raise Missing(
        f"Python 3.11, 3.12 or 3.13 is needed and none is on the PATH (python3 is {have}): "
        "apt-get install python3.11 python3.11-venv"
    )


def need_compiler() -> None:
    """The kernels are C: there must be a compiler and the C library's headers."""
    if not shutil.which("gcc"):
        raise Missing("gcc is missing: apt-get install gcc libc6-dev")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <stdint.h>\n#include <math.h>\nint main(void) { return 0; }\n")
        if not quietly(["gcc", str(source), "-o", str(source.with_suffix(".out")), "-lm"]):
            raise Missing(
                "gcc cannot build a program, the C library's headers are missing: apt-get install libc6-dev"
            )


def install(python: str) -> None:
    """Fills `.venv`; what an interrupted run left is used as far as it is whole."""
    print("Setting up .venv (the first time downloads packages)", flush=True)
    if DONE.exists():
        DONE.unlink()
    if not quietly([PYTHON, "-c", SUITS]) or not quietly([PYTHON, "-m", "pip", "--version"]):
        run([python, "-m", "venv", "--clear", VENV])
    run([PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCKS / "bootstrap.txt"])
    uv: list[str | Path] = [VENV / "bin" / "uv", "pip"]
    # compiled here, once: where Python may write no bytecode, each process would compile everything anew
    sync = ("--quiet", "--compile-bytecode", "--require-hashes")
    run([*uv, "sync", *sync, "--python", PYTHON, LOCKS / "dev.txt"])
    own: list[str | Path] = ["-e", ROOT / "sdk", "-e", ROOT]
    run([*uv, "install", "--quiet", "--python", PYTHON, "--no-deps", "--no-build-isolation", *own])
    run([PYTHON, "-c", "import assay, django, numpy, onnxruntime, psycopg2, stack"])
    half = DONE.with_name(".installed.half")
    half.write_text(wanted())
    half.replace(DONE)


def clean_environment() -> None:
    """No other environment shines through; and a cache for uv where the usual one cannot be written."""
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX"):
        os.environ.pop(name, None)
    os.environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    os.environ.setdefault("UV_LINK_MODE", "copy")  # links break when the cache is on another disk or is cleaned
    if "UV_CACHE_DIR" not in os.environ and not writable(usual_cache()):
        os.environ["UV_CACHE_DIR"] = str(ROOT / "var" / "cache" / "uv")
    if trusts_somebody(ssl.get_default_verify_paths()):
        os.environ.setdefault("UV_SYSTEM_CERTS", "1")  # a company's proxy is known to the machine, not to uv


def trusts_somebody(paths: ssl.DefaultVerifyPaths) -> bool:
    """Whether this machine has certificates of authorities; a bare one has none, and uv brings its own."""
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))


def usual_cache() -> Path:
    """Where uv keeps what it downloaded unless told otherwise; relative if there is no such place."""
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) / "uv" if base else Path(os.environ.get("HOME", ""), ".cache", "uv")


def writable(path: Path) -> bool:
    """Whether `path`, or what has to be created to have it, belongs to a folder this user may write to."""
    if not path.is_absolute():
        return False
    while not path.exists():
        path = path.parent
    return os.access(str(path), os.W_OK)


def quietly(argv: Sequence[str | Path]) -> bool:
    try:
        return subprocess.run([str(word) for word in argv], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def run(argv: Sequence[str | Path]) -> None:
    words = [str(word) for word in argv]
    try:
        code = subprocess.run(words, check=False, cwd=str(ROOT)).returncode
    except OSError as error:
        raise Missing(str(error)) from error
    if code:
        raise Missing(f"this step failed (exit status {code}): {' '.join(words)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("make setup: interrupted; run it again to go on")
    except (Missing, OSError) as error:
        sys.exit(f"make setup: {error}")
