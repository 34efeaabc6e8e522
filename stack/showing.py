"""What `make up` ends with: var/demo.json; on the terminal the logins, and a curl line that was carried out."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.markup import escape

from assay.client import Client
from assay.preprocessing import PNG
from demo.entries import FILES, FOLDER
from stack.console import Console
from verification.registry import MODES

PICTURE = FOLDER / FILES / "digit-3.png"
USER_FIELDS = ("role", "email", "password", "api_key")
WAIT = 30  # seconds that the question's answer may take


@dataclass(frozen=True)
class Shown:
    """A marketplace that is up and has answered."""

    url: str
    users: list[dict[str, Any]]
    models: list[str]

    @property
    def curl(self) -> str:
        """A shell's line that asks what `ask` asked."""
        lines = "".join(f" -H '{name}: {value}'" for name, value in _headers(self.users).items())
        return f"curl -sS {self.url}/api/v1/predictions{lines} -d '{json.dumps(_question())}'"


def _question() -> dict[str, Any]:
    picture = base64.b64encode(PICTURE.read_bytes()).decode("ascii")
    return {
        "model": "asha/digits",
        "inputs": [{"content_type": PNG, "content": picture}],
        "verification": {"mode": next(iter(MODES))},
    }


def _headers(users: list[dict[str, Any]]) -> dict[str, str]:
    buyer = next(user for user in users if user["role"] == "buyer")
    return {
        "Authorization": f"Bearer {buyer['api_key']}",
        "Content-Type": "application/json",
        "Prefer": f"wait={WAIT}",
    }


def ask(url: str, users_file: Path) -> Shown:
    """Asks as the curl line does. Raises OSError or httpx.HTTPError if the line shown would not work."""
    users = json.loads(users_file.read_bytes())
    headers, content = _headers(users), json.dumps(_question())
    with Client(url, headers["Authorization"].removeprefix("Bearer ")) as client:
        models = sorted(model["slug"] for model in client.models())
    reply = httpx.post(
        f"{url}/api/v1/predictions", headers=headers, content=content, timeout=2 * WAIT, trust_env=False
    )
    reply.raise_for_status()
    return Shown(url, users, models)


def write(path: Path, what: Shown) -> None:
    """`path` appears whole or not at all, for this account alone: it holds passwords."""
    plain = {
        "url": what.url,
        "users": [{field: user[field] for field in USER_FIELDS} for user in what.users],
        "groups": [],
        "models": [{"slug": slug} for slug in what.models],
    }
    half = path.with_suffix(".half")
    half.unlink(missing_ok=True)
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(plain, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def present(what: Shown, console: Console) -> None:
    """For the person at the terminal."""
    console.say(f"\n[bold green]Assay is ready at {what.url}[/]\n")
    for user in what.users:
        console.say(f"  {user['role']:9} {user['email']:24} {escape(user['password'])}")
    console.say(f"\n{escape(what.curl)}\n")
    console.say("[dim]logs in var/log, all of the above in var/demo.json; Ctrl-C stops everything[/]")
