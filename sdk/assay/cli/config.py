"""Where the server is and with which key: `ASSAY_URL` and `ASSAY_API_KEY`, else the file `assay login` wrote."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import click
import msgspec

from assay import jsonform
from assay.client import Client
from assay.errors import Refused


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    api_key: str = ""


def path() -> Path:
    return Path(click.get_app_dir("assay")) / "config.toml"


def load() -> Config:
    """The file, overridden by the environment. Raises Refused for a file that is not as `save` writes it."""
    file = Config()
    if path().exists():
        try:
            file = jsonform.convert(tomllib.loads(path().read_text("utf-8")), Config)
        except (ValueError, Refused) as error:
            raise Refused(
                "not a configuration", pointer=str(path()), got=str(error), hint="Run: assay login"
            ) from error
    return Config(
        url=os.environ.get("ASSAY_URL") or file.url, api_key=os.environ.get("ASSAY_API_KEY") or file.api_key
    )


def save(config: Config) -> None:
    """Replaces the file at once, readable by its owner alone."""
    write_private(
        path(), f"url = {json.dumps(config.url)}\napi_key = {json.dumps(config.api_key)}\n"
    )  # JSON strings of ASCII are TOML strings


def write_private(target: Path, text: str) -> None:
    """Writes a file of mode 0600, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)


def client() -> Client:
    """A client for the configured server; none configured is a usage error."""
    config = load()
    if not config.url:
        raise click.UsageError("no server: set ASSAY_URL, or run `assay login`")
    return Client(config.url, config.api_key)
