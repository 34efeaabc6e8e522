"""Every setting of the marketplace: one typed table, read from the environment, printed as docs/settings.md.

    python -m marketplace.environment > docs/settings.md

An unknown `ASSAY_*` variable is an error: a misspelt setting that is silently ignored is worse than none. A secret
is never a variable's value but the name of a file that holds it, so that no process listing or crash report shows
it. Only the process's own variables are read, once.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from assay.errors import Refused
from assay.keys import PublicKey

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "ASSAY_"
ADDRESSES = frozenset(
    {"DATABASE_URL", "BROKER_URL"}
)  # these hold passwords, so a file may hold them: `…_URL_FILE`
CLIENT = frozenset({"ASSAY_API_KEY", "ASSAY_KERNELS"})  # of the `assay` command; a developer's shell may hold them


# --- how a value is read ----------------------------------------------------------------------------------


def _count(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:18]) <= most):
            raise Refused("not a count", expected=f"{least} to {most}", got=text[:40])
        return int(text)

    return read


def _switch(text: str) -> bool:
    if text not in ("", "0", "1"):
        raise Refused("not a switch", expected="0 | 1", got=text[:40])
    return text == "1"


def _currency(text: str) -> str:
    if not (len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()):
        raise Refused("not a currency", expected="three capital letters", got=text[:40])
    return text


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _folder(text: str) -> Path:
    return (ROOT / text).absolute()


def _file(text: str) -> Path | None:
    """The path of a file that is there, or None for an empty value."""
    if not text:
        return None
    path = Path(text).absolute()
    if not path.is_file():
        raise Refused("no such file", expected="the path of a file", got=text[:200])
    return path


def _public_key(text: str) -> PublicKey | None:
    return PublicKey.parse(text) if text else None


def _secret(text: str) -> str:
    """What the file holds; without a file, a random value that lives as long as this process."""
    path = _file(text)
    if path is None:
        return secrets.token_urlsafe(48)
    secret = path.read_text("utf-8").strip()
    if len(secret) < 32:
        raise Refused("secret is too short", pointer=str(path), expected="at least 32 characters", got="fewer")
    return secret


def _base_url(text: str) -> str:
    url = _split(text, ("http", "https"))
    if not url.hostname or url.path.strip("/") or url.query:
        raise Refused("not a base address", expected="http[s]://host[:port]", got=text[:200])
    return text.rstrip("/")


def _broker(text: str) -> str:
    _split(text, ("redis", "rediss", "redis+socket"))
    return text


def _database(text: str) -> dict[str, Any]:
    """A PostgreSQL URL as Django's settings; `?host=/folder` names the folder of a Unix socket."""
    url = _split(text, ("postgresql", "postgres"))
    options = dict(parse_qsl(url.query))
    return {
        "ENGINE": "marketplace.db",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": options.pop("host", url.hostname or ""),
        "PORT": options.pop("port", str(url.port or "")),
        "OPTIONS": options,
    }


def _split(text: str, schemes: tuple[str, ...]) -> SplitResult:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError as error:
        raise Refused("not a URL", expected=f"{schemes[0]}://…", got=str(error)) from error
    if url.scheme not in schemes:
        raise Refused("wrong kind of URL", expected=" | ".join(f"{s}://" for s in schemes), got=url.scheme + "://")
    return url


# --- the table --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variable:
    """One row: the variable's name, its default as text, how a value is read, and what it is for."""

    name: str
    default: str
    read: Callable[[str], Any]
    about: str


@dataclass(frozen=True)
class Environment:
    """The settings as values. None of them is in `repr`: some are secrets."""

    database: Annotated[
        dict[str, Any],
        Variable(
            "DATABASE_URL",
            "postgresql:///assay",
            _database,
            "PostgreSQL: `postgresql://user:password@host:port/name`, or `postgresql:///name?host=/folder` for "
            "the Unix socket in that folder; other query parameters go to libpq",
        ),
    ]
    broker: Annotated[
        str,
        Variable(
            "BROKER_URL",
            "redis://127.0.0.1:6379/0",
            _broker,
            "Redis: Celery's queues, wake-ups and rate limits; `redis+socket:///path` for a Unix socket",
        ),
    ]
    var: Annotated[
        Path, Variable("ASSAY_VAR", "var", _folder, "folder for spooled uploads and collected static files")
    ]
    secret_key: Annotated[
        str,
        Variable(
            "ASSAY_SECRET_KEY_FILE",
            "",
            _secret,
            "file with at least 32 random characters that sign sessions, the same for every web process; without "
            "it a process makes up its own, and sessions end with it",
        ),
    ]
    identity: Annotated[
        Path | None,
        Variable(
            "ASSAY_DISPATCH_KEY_FILE",
            "",
            _file,
            "the marketplace's own Ed25519 key file (`assay.keys`, mode 0600), by which nodes know its workers; "
            "needed by workers",
        ),
    ]
    public_identity: Annotated[
        PublicKey | None,
        Variable(
            "ASSAY_DISPATCH_PUBLIC_KEY",
            "",
            _public_key,
            "its public half, `ed25519:…`, which owners are shown; for web processes that do not hold the file; "
            "`manage.py dispatch_key` prints it",
        ),
    ]
    url: Annotated[
        str,
        Variable(
            "ASSAY_URL",
            "http://127.0.0.1:8000",
            _base_url,
            "address under which people reach the site: links, allowed host, CSRF origin; with `https://` cookies "
            "are secure",
        ),
    ]
    more_hosts: Annotated[
        list[str],
        Variable(
            "ASSAY_ALLOWED_HOSTS",
            "localhost,127.0.0.1",
            _words,
            "further `Host` headers to answer to, comma-separated",
        ),
    ]
    database_connections: Annotated[
        int,
        Variable(
            "ASSAY_DATABASE_CONNECTIONS", "20", _count(2, 500), "most connections to PostgreSQL of one process"
        ),
    ]
    dispatch_concurrency: Annotated[
        int,
        Variable(
            "ASSAY_DISPATCH_CONCURRENCY",
            "256",
            _count(1, 4096),
            "predictions that one worker carries out at the same time",
        ),
    ]
    waiters: Annotated[
        int,
        Variable(
            "ASSAY_WAITERS",
            "512",
            _count(1, 10_000),
            "requests of one web process that may wait for a prediction (`Prefer: wait`, event streams)",
        ),
    ]
    private_nodes: Annotated[
        bool,
        Variable(
            "ASSAY_PRIVATE_NODES",
            "0",
            _switch,
            "1 lets nodes be registered at loopback and private addresses; for a marketplace on one machine or in "
            "one's own network",
        ),
    ]
    demo: Annotated[
        bool,
        Variable("ASSAY_DEMO", "0", _switch, "1 allows `manage.py create_demo_users`; never on a public site"),
    ]
    rate_limit: Annotated[
        int, Variable("ASSAY_RATE_LIMIT", "3000", _count(1, 10_000_000), "API requests per key and minute")
    ]
    currency: Annotated[
        str, Variable("ASSAY_CURRENCY", "USD", _currency, "the currency in which everything is sold, ISO 4217")
    ]
    fee: Annotated[
        int,
        Variable(
            "ASSAY_FEE",
            "1000",
            _count(0, 10_000),
            "the marketplace's part of what is charged, in hundredths of a percent: 1000 are 10 %",
        ),
    ]
    free_credit: Annotated[
        int,
        Variable(
            "ASSAY_FREE_CREDIT",
            "1000000",
            _count(0, 10**12),
            "what a new account is given to spend, in millionths of the currency",
        ),
    ]

    @property
    def https(self) -> bool:
        return self.url.startswith("https://")

    @property
    def allowed_hosts(self) -> list[str]:
        return [str(urlsplit(self.url).hostname), *self.more_hosts]

    @property
    def trusted_origins(self) -> list[str]:
        return [self.url]

    def __repr__(self) -> str:
        return "Environment(…)"


def variables() -> dict[str, Variable]:
    """The rows of the table by the field they fill."""
    hints = get_type_hints(Environment, include_extras=True)
    return {field: hint.__metadata__[0] for field, hint in hints.items()}


def environment(source: Mapping[str, str] = os.environ) -> Environment:
    """Reads the table from `source`. Raises Refused naming the variable."""
    rows = variables()
    known = {row.name for row in rows.values()} | CLIENT
    for name in sorted(source):
        if name.startswith(PREFIX) and name not in known:
            raise Refused(
                "unknown setting",
                code="unknown-setting",
                pointer=name,
                expected=", ".join(sorted(known)),
                got=name,
            )
    values = {}
    for field, row in rows.items():
        try:
            values[field] = row.read(_given(source, row))
        except Refused as error:
            raise error.under(f"{row.name}: " if error.pointer else row.name) from error
    return Environment(**values)


def _given(source: Mapping[str, str], row: Variable) -> str:
    """The variable's value, or for an address (which may hold a password) the content of the file `…_URL_FILE`."""
    file = source.get(f"{row.name}_FILE", "") if row.name in ADDRESSES else ""
    if not file:
        return source.get(row.name, row.default)
    if row.name in source:
        raise Refused("given twice", expected=f"{row.name} or {row.name}_FILE", got="both")
    path = _file(file)
    assert path is not None, "an empty name was handled above"
    return path.read_text("utf-8").strip()


def markdown() -> str:
    """The table as docs/settings.md."""
    lines = [
        "# Settings of the marketplace",
        "",
        "Printed from `marketplace/environment.py` by `python -m marketplace.environment`. Read once, when a",
        "process starts. Any other `ASSAY_*` variable is an error. The owner's node has a TOML file of its own.",
        "`DATABASE_URL_FILE` and `BROKER_URL_FILE` name files that hold the address, password included.",
        "",
        "| variable | default | what it is |",
        "|---|---|---|",
    ]
    for row in variables().values():
        default = f"`{row.default}`" if row.default else ""
        lines.append(f"| `{row.name}` | {default} | {row.about} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
