"""How the embedded stack runs NVIDIA's `tritonserver` without Docker: from the nvidia-pytriton wheel.

The wheel needs numpy<2, so the server has an environment of its own (`.venv-triton`), as it has a container of
its own in production. Nothing of pytriton is imported. Models run in Python stubs that embed libpython in isolated
mode: PYTHON… variables do nothing, and a stub finds the environment only because its `bin` is first on PATH.
This file starts nothing: it says what to start.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
import venv
from pathlib import Path
from typing import Literal

import psutil

from assay.errors import Unavailable
from stack.socketdir import plain
from stack.tree import ROOT

STUB = "triton_python_backend_stub"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # nosec B108 - where POSIX shared memory lives on Linux
ABOUT = """
import json, sys, sysconfig
print(json.dumps({"version": "%d.%d" % sys.version_info[:2], "prefix": sys.base_prefix,
                  "libdir": sysconfig.get_config_var("LIBDIR") or ""}))
"""
LogLevel = Literal["error", "warning", "info", "verbose"]


def install(environment: Path, lock: Path) -> None:
    """Make `environment` hold exactly what `lock` lists; a no-op if it already does. Safe to interrupt.

    Uses the `uv` beside the running interpreter, and no pip, so a missing `ensurepip` does not matter.
    Raises Unavailable naming what failed.
    """
    made_from = lock.read_bytes() + sys.version.encode() + os.fsencode(ROOT)
    wanted = hashlib.sha256(made_from).hexdigest()
    done = environment / ".installed"
    with lock.open("rb") as held:  # two set-ups side by side must not undo each other
        fcntl.flock(held, fcntl.LOCK_EX)
        if done.exists() and done.read_text() == wanted:
            return
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=False).create(environment)
        uv = Path(sys.executable).with_name("uv")
        python = str(environment / "bin" / "python")
        argv = [str(uv), "pip", "install", "--quiet", "--compile-bytecode", "--python", python, "--no-deps"]
        run = subprocess.run(
            [*argv, "--require-hashes", "-r", str(lock)], check=False, stderr=subprocess.PIPE, text=True
        )
        if run.returncode:
            raise Unavailable("the Triton environment could not be installed", got=run.stderr.strip()[-2000:])
        _link(environment)
        _write(done, wanted)


def _link(environment: Path) -> None:
    """`assay` and `native` of this checkout, for the runtime `reproducible`."""
    (packages,) = environment.glob("lib/python3*/site-packages")
    _write(packages / "assay.pth", f"{ROOT}\n{ROOT / 'sdk'}\n")


def backend_directory(environment: Path, into: Path) -> Path:
    """`into`, holding the Python backend with the stub of the environment's Python version (3.8 to 3.13)."""
    server = _server(environment)
    version = _about(environment)["version"]
    stub = server / "python_backend_stubs" / version / STUB
    if not stub.exists():
        have = sorted(path.name for path in stub.parents[1].iterdir())
        raise Unavailable("nvidia-pytriton has no stub for this Python", expected=" | ".join(have), got=version)
    python = into / "python"
    python.mkdir(parents=True, exist_ok=True)
    for source in (*(server / "backends" / "python").iterdir(), stub):
        if source.is_file():
            _copy(source, python / source.name)
    return into


def command(
    environment: Path,
    backends: Path,
    repository: Path,
    *,
    port: int,
    metrics_port: int | None = None,
    log: LogLevel = "warning",
) -> tuple[list[str], dict[str, str]]:
    """What to execute, and its whole environment, to serve `repository` by gRPC on 127.0.0.1:`port`.

    Raises Unavailable naming the package to install when there is no shared libpython for the stub.
    """
    prefix = _shared_memory_prefix(repository)
    # Triton's Python backend starts models through a shell, without quotes; ':' ends a path in LD_LIBRARY_PATH
    environment, backends, repository = map(plain, (environment, backends, repository))
    server = _server(environment)
    stub = backends / "python" / STUB
    wheel_libraries = server.parents[1] / "nvidia_pytriton.libs"
    libraries = [wheel_libraries, _libpython_folder(environment, stub, wheel_libraries)]
    levels = ("error", "warning", "info")
    argv = [
        str(server / "bin" / "tritonserver"),
        f"--model-repository={repository}",
        f"--backend-directory={backends}",
        f"--backend-config=python,shm-region-prefix-name={prefix}",
        "--model-control-mode=explicit",
        "--disable-auto-complete-config",  # configurations are complete; guessing would cost a process per load
        "--allow-http=false",
        "--grpc-address=127.0.0.1",
        f"--grpc-port={port}",
        "--exit-timeout-secs=5",
        *_metrics(metrics_port),
        *(
            f"--log-{level}={_flag(log == 'verbose' or levels.index(level) <= levels.index(log))}"
            for level in levels
        ),
        f"--log-verbose={int(log == 'verbose')}",
    ]
    return argv, {
        "PATH": f"{environment.absolute() / 'bin'}:/usr/bin:/bin",
        "LD_LIBRARY_PATH": ":".join(dict.fromkeys(map(str, libraries))),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "ORT_DISABLE_TELEMETRY": "1",
    }


def clear_leftovers(repository: Path) -> None:
    """Free what a killed server left behind for `repository`; only while no server is serving it.

    A model's process that was waiting for its server when that was killed waits for ever, and heeds no SIGTERM.
    """
    prefix = _shared_memory_prefix(repository)
    for process in psutil.process_iter(["cmdline"]):
        arguments = process.info["cmdline"] or [""]
        if arguments[0].endswith(STUB) and any(argument.startswith(prefix) for argument in arguments):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    for region in SHARED_MEMORY.glob(f"{prefix}*"):
        region.unlink(missing_ok=True)


def _shared_memory_prefix(repository: Path) -> str:
    return f"assay_{hashlib.sha256(os.fsencode(repository.absolute())).hexdigest()[:16]}_"


def _metrics(port: int | None) -> list[str]:
    if port is None:
        return ["--allow-metrics=false"]
    return ["--metrics-address=127.0.0.1", f"--metrics-port={port}", "--allow-gpu-metrics=false"]


def _flag(on: bool) -> str:
    return "true" if on else "false"


def _server(environment: Path) -> Path:
    found = list(environment.absolute().glob("lib/python3*/site-packages/pytriton/tritonserver"))
    if len(found) != 1:
        raise Unavailable(
            "the Triton environment is missing or broken",
            pointer=str(environment),
            hint="remove the folder and set up again",
        )
    return found[0]


def _about(environment: Path) -> dict[str, str]:
    python = environment / "bin" / "python"
    run = subprocess.run([str(python), "-I", "-c", ABOUT], check=True, stdout=subprocess.PIPE)
    about: dict[str, str] = json.loads(run.stdout)
    return about


def _libpython_folder(environment: Path, stub: Path, wheel_libraries: Path) -> Path:
    """Where the shared libpython lies that the stub is linked against.

    A Debian interpreter keeps it in a package of its own; pyenv builds it only when asked; the wheel brings the
    one for 3.13 under a name of its own. Another 3.N.x than the environment's own serves as well: the ABI is
    that of 3.N.
    """
    needed = re.search(rb"libpython3[\w.-]*\.so\.1\.0", stub.read_bytes())
    if needed is None:
        raise Unavailable("not a Triton Python stub", pointer=str(stub))
    name = needed[0].decode()
    about = _about(environment)
    places = [wheel_libraries, Path(about["libdir"]), Path(about["prefix"]) / "lib", *_loader_folders(name)]
    for place in places:
        if (place / name).exists():
            return place
    version = about["version"]
    raise Unavailable(
        f"Triton needs the shared library {name}, which this Python {version} does not have",
        pointer=about["prefix"],
        hint=f"on Debian or Ubuntu: apt-get install libpython{version}; "
        f"with pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force {version}",
    )


def _loader_folders(name: str) -> list[Path]:
    """Folders in the dynamic loader's cache that hold `name`; ldconfig is not on an ordinary user's PATH."""
    ldconfig = shutil.which("ldconfig", path=f"/sbin:/usr/sbin:{os.environ.get('PATH', '')}")
    if ldconfig is None:
        return []
    listing = subprocess.run([ldconfig, "-p"], check=False, capture_output=True, text=True).stdout
    return [Path(path).parent for path in re.findall(rf"^\s*{re.escape(name)} .*=> (.+)$", listing, re.MULTILINE)]


def _copy(source: Path, target: Path) -> None:
    """Replace `target` in one step: a running server may hold the old one."""
    if target.exists() and target.read_bytes() == source.read_bytes():
        return
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    shutil.copy(source, part)
    part.replace(target)


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)
