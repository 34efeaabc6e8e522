"""Ports, logs, accounts, secrets and socket folders."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from io import StringIO

import psycopg2
import pytest
from rich.console import Console as Rich

from stack import ports, postgres, process, testing
from stack.account import CAP_DAC_OVERRIDE, Account
from stack.console import Console
from stack.process import Exit, Log
from stack.socketdir import socket_folder
from stack.tree import ROOT, Tree
from tests.stack.conftest import wait_gone


def test_a_taken_port_is_not_free_and_its_holder_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        assert f"(pid {os.getpid()})" in ports.holder(port)
    assert ports.is_free(port)


def test_free_ports_differ_from_each_other_and_from_those_taken():
    first = ports.free_ports(50)
    second = ports.free_ports(50, taken=frozenset(first))
    assert len({*first, *second}) == 100


def test_a_log_is_turned_over_by_size_and_remembers_the_last_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "LOG_BYTES", 100)
    log = Log(tmp_path / "web.log")
    for i in range(100):
        log.write(f"line {i}\nhalf of".encode())
    log.close()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"web.log", *(f"web.log.{i}" for i in range(1, process.LOG_FILES + 1))}
    assert max(sizes.values()) <= 100
    assert log.tail()[-2:] == ["half ofline 99", "half of"]
    assert len(log.tail()) == process.TAIL_LINES


def test_a_logs_last_lines_cannot_drive_a_terminal(tmp_path):
    log = Log(tmp_path / "web.log")
    log.write(b"\x1b[2Jgone\xff\n" + b"x" * 10_000 + b"\n")
    log.close()
    assert log.tail() == ["?[2Jgone\N{REPLACEMENT CHARACTER}", "x" * process.TAIL_WIDTH]


@pytest.mark.parametrize(
    ("status", "text"), [(3, "exit status 3"), (-9, "killed by SIGKILL"), (-200, "killed by signal 200")]
)
def test_an_exit_reads_as_a_reason(status, text):
    assert str(Exit(status)) == text


def test_a_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path):
    tree = Tree(tmp_path / "var")
    path = tree.secret("django")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().strip()) == 64
    assert tree.secret("django").read_text() == path.read_text()
    assert Tree(tmp_path / "other").secret("django").read_text() != path.read_text()
    assert tree.key("dispatch").read_text() == tree.key("dispatch").read_text()
    assert {entry.name for entry in path.parent.iterdir()} == {"django", "dispatch"}


def test_a_socket_folder_is_short_private_and_found_again(tmp_path):
    deep = tmp_path / ("very " * 30) / "var"
    folder = socket_folder(deep, Account())
    assert len(os.fsencode(folder / ".s.PGSQL.5432")) < 108
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert socket_folder(deep, Account()) == folder
    folder.chmod(0o755)
    with pytest.raises(PermissionError, match="somebody else"):
        socket_folder(deep, Account())
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(PermissionError, match="somebody else"):
        socket_folder(deep, Account())
    folder.unlink()


def test_postgres_runs_in_a_deep_private_folder_with_spaces_and_keeps_what_was_committed_before_a_kill(tmp_path):
    tmp_path.chmod(0o700)
    tree = Tree(tmp_path / ("deep folder " * 8).strip())
    for attempt in range(2):
        server, url = postgres.service(tree)
        with testing.running([server], tree), contextlib.closing(psycopg2.connect(url)) as connection:
            with connection, connection.cursor() as cursor:
                cursor.execute("CREATE TABLE IF NOT EXISTS kept (life int)")
                cursor.execute("INSERT INTO kept VALUES (%s)", [attempt])
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM kept")
                assert cursor.fetchone() == (attempt + 1,)
            if attempt == 0:
                pid = int((tree.var / "postgres" / "postmaster.pid").read_text().split()[0])
                os.kill(pid, signal.SIGKILL)
                wait_gone([pid])


def test_a_cluster_that_was_only_half_made_is_made_again(tmp_path):
    half = Tree(tmp_path / "var").folder("postgres.half")
    (half / "PG_VERSION").write_text("18")
    with testing.running_postgres(Tree(tmp_path / "var")) as url:
        psycopg2.connect(url).close()
    assert not half.exists()


def test_the_sites_role_owns_nothing_and_an_older_cluster_is_given_it(tmp_path):
    tree = Tree(tmp_path / "var")
    with testing.running_postgres(tree) as url, contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE TABLE kept (life int)")
        older = connection.cursor()
        older.execute("SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'assay_app'")
        assert older.fetchone() == (False, False, False)
    (tree.var / "postgres" / postgres.SITE_ROLE_MADE).unlink()  # as a kill between the two steps leaves it
    for _ in range(2):
        with testing.running_postgres(tree) as url:
            assert postgres.for_site(url).startswith("postgresql://assay_app@/assay?host=")
            with (
                contextlib.closing(psycopg2.connect(postgres.for_site(url))) as connection,
                pytest.raises(psycopg2.errors.InsufficientPrivilege, match="permission denied for table kept"),
            ):
                connection.cursor().execute("SELECT FROM kept")
    assert (tree.var / "postgres" / postgres.SITE_ROLE_MADE).exists()


def run_as(account, *arguments, cwd):
    """What Python prints, run by `account`."""
    ids = (str(os.getpid()), str(account.uid), str(account.gid), str(account.capabilities))
    argv = [sys.executable, "-I", "-S", str(process.LAUNCH), *ids, sys.executable, *arguments]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(argv, cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_postgres_runs_for_an_ordinary_user_too(tmp_path):
    """As root, by giving root up first; as an ordinary user this is every other test's way already."""
    code = "import sys, os; from pathlib import Path; from stack import testing; from stack.tree import Tree\n"
    code += "with testing.running_postgres(Tree(Path(sys.argv[1]))) as url: print(os.geteuid(), url)"
    account = Account()
    if os.geteuid() == 0:  # the interpreter itself may be in root's home
        account = replace(Account.unprivileged([]), capabilities=CAP_DAC_OVERRIDE)
        account.give(tmp_path)
    uid, url = run_as(account, "-c", code, str(tmp_path / "var"), cwd=ROOT).split()
    assert int(uid) > 0
    assert url.startswith("postgresql://assay@/assay?host=")


def test_root_lends_an_account_with_at_most_the_way_into_its_own_folders(tmp_path):
    tmp_path.chmod(0o700)
    account = Account.unprivileged([tmp_path])
    code = "import os; os.listdir('.'); status = open('/proc/self/status').read()\n"
    code += "print(os.geteuid(), status.split('CapEff:')[1].split()[0])"
    uid, capabilities = run_as(account, "-I", "-S", "-c", code, cwd=tmp_path).split()
    if os.geteuid() == 0:
        assert (int(uid), int(capabilities, 16)) == (account.uid, CAP_DAC_OVERRIDE)
        assert account.uid > 0
    else:
        assert account == Account()
        assert int(uid) == os.geteuid()


def test_a_plain_console_writes_plain_lines():
    out = StringIO()
    console = Console(Rich(file=out, force_terminal=False, width=200))
    with console.step("migrate [the] database"):
        pass
    console.died("web", "exit status 1", ["Traceback [bold]"], 0.5)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("ready migrate [the] database (")
    assert lines[1:] == ["died web: exit status 1; starting again in 0.5 s", "  | Traceback [bold]"]
