"""What `make up` ends with: var/demo.json; on the terminal the logins, and lines to paste.

A curl line asks a model, another one a group; a third line fetches the certificate of the group's answer and
checks it. Nothing is shown before model and group have answered here; a buyer who may spend no more is told so.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.markup import escape

from assay.client import Client
from assay.errors import PaymentRequired
from assay.preprocessing import PNG
from assay.verify import Trust
from demo.entries import FILES, FOLDER
from stack.console import Console

PICTURE = FOLDER / FILES / "digit-3.png"
MODEL, GROUP = "asha/digits", "digits"
USER_FIELDS = ("role", "email", "password", "api_key")
WAIT = 30  # seconds that a question's answer may take


@dataclass(frozen=True)
class Group:
    """A group that serves. `genesis` is the digest by which it is pinned, in hexadecimal."""

    slug: str
    genesis: str
    url: str


@dataclass(frozen=True)
class Shown:
    """A marketplace that is up and has answered, unless it was `unpaid`.

    `certificate` is the id of what GROUP has answered, empty where its founder has withdrawn it.
    """

    url: str
    users: list[dict[str, Any]]
    models: list[str]
    groups: list[Group]
    certificate: str
    unpaid: str = ""  # why the buyer could not pay for an answer

    @property
    def direct(self) -> str:
        """A shell's line that asks MODEL, as `ask` did."""
        return self._curl({"model": MODEL}, "direct")

    @property
    def agreement(self) -> str:
        """One that asks GROUP."""
        return self._curl({"group": GROUP}, "agreement")

    @property
    def verify(self) -> str:
        """One that fetches the certificate of the group's answer and checks it, without the marketplace's help."""
        genesis = next(group.genesis for group in self.groups if group.slug == GROUP)
        key = f"Authorization: Bearer {_api_key(self.users)}"
        fetched = f"curl -sS {self.url}/api/v1/certificates/{self.certificate}.cbor -H '{key}'"
        return f"{fetched} | .venv/bin/assay verify --group {genesis} -"

    def _curl(self, asked: dict[str, str], mode: str) -> str:
        lines = "".join(f" -H '{name}: {value}'" for name, value in _headers(self.users).items())
        return f"curl -sS {self.url}/api/v1/predictions{lines} -d '{json.dumps(_question(asked, mode))}'"


def _question(asked: dict[str, str], mode: str) -> dict[str, Any]:
    picture = base64.b64encode(PICTURE.read_bytes()).decode("ascii")
    return {
        **asked,
        "inputs": [{"content_type": PNG, "content": picture}],
        "verification": {"mode": mode},
    }


def _headers(users: list[dict[str, Any]]) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {_api_key(users)}",
        "Content-Type": "application/json",
        "Prefer": f"wait={WAIT}",
    }


def _api_key(users: list[dict[str, Any]]) -> str:
    """The buyer's."""
    key: str = next(user["api_key"] for user in users if user["role"] == "buyer")
    return key


def ask(url: str, users_file: Path) -> Shown:
    """Asks as the lines do. Raises OSError, httpx.HTTPError or AssayError if one shown would not work."""
    users = json.loads(users_file.read_bytes())
    with Client(url, _api_key(users)) as client:
        models = sorted(model["slug"] for model in client.models())
        groups = [
            Group(group["slug"], group["genesis"], f"{url}/groups/{group['slug']}")
            for group in client.groups()
            if group["state"] == "serving"  # not those to which the buyer is invited
        ]
        certificate, unpaid = "", ""
        try:
            certificate = _ask_group(client, groups)
            _ask_model(url, users)
        except PaymentRequired as refusal:
            unpaid = refusal.detail
    return Shown(url, users, models, sorted(groups, key=lambda group: group.slug), certificate, unpaid)


def _ask_group(client: Client, groups: list[Group]) -> str:
    """The id of the certificate; empty where GROUP is not among them."""
    for group in groups:
        if group.slug == GROUP:
            trust = Trust.of(groups=[group.genesis])
            return client.predict(group=GROUP, image=PICTURE, trust=trust, timeout=WAIT).certificate.id.hex()
    return ""


def _ask_model(url: str, users: list[dict[str, Any]]) -> None:
    reply = httpx.post(
        f"{url}/api/v1/predictions",
        headers=_headers(users),
        content=json.dumps(_question({"model": MODEL}, "direct")),
        timeout=2 * WAIT,
        trust_env=False,
    )
    if reply.status_code == httpx.codes.PAYMENT_REQUIRED:
        raise PaymentRequired(reply.json()["detail"])
    reply.raise_for_status()


def write(path: Path, what: Shown) -> None:
    """`path` appears whole or not at all, for this account alone: it holds passwords."""
    plain = {
        "url": what.url,
        "users": [{field: user[field] for field in USER_FIELDS} for user in what.users],
        "groups": [asdict(group) for group in what.groups],
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
    if what.unpaid:
        console.say(f"\nthe buyer cannot ask just now, see {what.url}/billing: {escape(what.unpaid)}")
    else:
        console.say(f"\na model, [bold]direct[/]: the provider's word\n\n{escape(what.direct)}")
    if what.certificate and not what.unpaid:
        console.say(f"\na group, [bold]agreement[/]: four owners' models vote\n\n{escape(what.agreement)}")
        console.say(f"\nits certificate, checked here\n\n{escape(what.verify)}")
    console.say(
        f"\nstaff's pages: {what.url}/staff/; the ledger, proven: .venv/bin/python -m stack.manage ledger check"
    )
    console.say("")
    console.say("[dim]logs in var/log, all of the above in var/demo.json; Ctrl-C stops everything[/]")
