"""What an owner may set, in `node.toml`; read once at the start, wholly understood or refused.

Every setting carries its own description: the file that `init` writes and the table in docs/node.md come from
the types below. A key that is not among them is an error that names it.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from assay.errors import Refused
from assay.jsonform import pointer_of
from assay.keys import PublicKey
from inference.repository import Backend, InstanceGroups
from wire import address
from wire.messages import MAX_FRAME, MAX_HELLO, MAX_IN_FLIGHT

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")]
Seconds = Annotated[int, Meta(ge=1, le=86_400)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every section."""


class TritonSettings(Settings, frozen=True):
    """The owner's Triton Inference Server."""

    address: Annotated[str, Meta(description="Triton's gRPC endpoint, host:port")] = "127.0.0.1:8001"
    repository: Annotated[str, Meta(description="Triton's --model-repository; relative to the node's folder")] = (
        "models"
    )
    backend: Annotated[
        Backend,
        Meta(description="which of Triton's backends runs ONNX: `python`, or `onnxruntime` where it has it"),
    ] = "python"
    instances: Annotated[InstanceGroups, Meta(description="copies of each model: kind, count, gpus")] = (
        InstanceGroups()
    )


class MarketplaceSettings(Settings, frozen=True):
    """Who may ask this node, and where it is registered."""

    keys: Annotated[
        tuple[str, ...], Meta(description="public keys of those who may ask, ed25519:…", max_length=64)
    ] = ()
    url: Annotated[
        str,
        Meta(description="the marketplace's address, for `accept`, `add`, `join` and `rotate-key`; may be empty"),
    ] = ""
    adopts: Annotated[
        bool,
        Meta(
            description="whether it may change the model with which this node answers a group; "
            "else only `assay-node adopt` does"
        ),
    ] = False


class LimitSettings(Settings, frozen=True):
    """How much the node takes on."""

    frame: Annotated[int, Meta(description="largest message taken, bytes", ge=MAX_HELLO, le=MAX_FRAME)] = MAX_FRAME
    in_flight: Annotated[
        int, Meta(description="unanswered requests of one connection", ge=2, le=MAX_IN_FLIGHT)
    ] = 1024
    keep_hours: Annotated[
        int,
        Meta(description="how long a request may be asked again and is answered the same", ge=1, le=8760),
    ] = 24
    drain_seconds: Annotated[Seconds, Meta(description="how long a drain waits for what is under way")] = 50
    free_disk: Annotated[int, Meta(description="bytes of disk that a model in delivery must leave free", ge=0)] = (
        1024**3
    )


class MetricSettings(Settings, frozen=True):
    """Figures for Prometheus."""

    listen: Annotated[
        str, Meta(description="where /metrics is served, a loopback host:port; empty for nowhere")
    ] = ""


class Config(Settings, frozen=True):
    """The whole of node.toml."""

    name: Annotated[Name, Meta(description="what the owner calls this node")]
    listen: Annotated[str, Meta(description="where the node is reached, host:port")] = "0.0.0.0:7000"
    triton: TritonSettings = TritonSettings()
    marketplace: MarketplaceSettings = MarketplaceSettings()
    limits: LimitSettings = LimitSettings()
    metrics: MetricSettings = MetricSettings()

    @property
    def allowed(self) -> frozenset[PublicKey]:
        """The keys whose holders may ask this node."""
        return frozenset(PublicKey.parse(key) for key in self.marketplace.keys)

    def checked(self) -> Config:
        """This configuration, once its addresses and keys are known to be such. Raises Refused with a pointer."""
        addresses = {"/listen": self.listen, "/triton/address": self.triton.address}
        if self.metrics.listen:
            addresses["/metrics/listen"] = self.metrics.listen
        for pointer, value in addresses.items():
            _at(pointer, address.split, value)
        for i, key in enumerate(self.marketplace.keys):
            _at(f"/marketplace/keys/{i}", PublicKey.parse, key)
        return self


def parse(text: str) -> Config:
    """Raises Refused naming the key and what was expected there."""
    try:
        return msgspec.toml.decode(text, type=Config).checked()
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at ")
        raise Refused(detail, code="invalid-config", pointer=pointer_of(path)) from error
    except msgspec.DecodeError as error:
        raise Refused(
            "not TOML", code="invalid-config", expected="TOML 1.0, see https://toml.io", got=str(error)
        ) from error


def load(path: Path) -> Config:
    """Reads a configuration file. Raises Refused naming file and key."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            "the node's configuration cannot be read",
            code="invalid-config",
            pointer=str(path),
            got=str(error),
            hint="`assay-node init` makes one. Is it elsewhere? --home or ASSAY_NODE_HOME says where.",
        ) from error
    try:
        return parse(text)
    except Refused as error:
        raise error.under(str(path)) from error


class Setting(NamedTuple):
    """One key of the file."""

    section: str  # "" at the top
    key: str
    value: Any
    meaning: str


def settings(config: Settings, section: str = "") -> Iterator[Setting]:
    """Every key with its value in `config`, keys of one section together, the top first."""
    hints = typing.get_type_hints(type(config), include_extras=True)
    values = {name: getattr(config, name) for name in config.__struct_fields__}
    nested = {name: value for name, value in values.items() if isinstance(value, Settings)}
    for name, value in values.items():
        if name not in nested:
            yield Setting(section, name, value, _description(hints[name]))
    for name, value in nested.items():
        yield from settings(value, name)


def to_toml(config: Config) -> str:
    """The file, each setting under a comment that says what it is."""
    lines = ["# An assay-node. Every setting is listed; docs/node.md says more."]
    section = ""
    for setting in settings(config):
        if setting.section != section:
            section = setting.section
            lines += ["", f"[{section}]"]
        lines += [f"# {setting.meaning}", f"{setting.key} = {_toml(setting.value)}"]
    return "\n".join(lines) + "\n"


def _description(hint: Any) -> str:
    described = [meta.description for meta in hint.__metadata__ if getattr(meta, "description", None)]
    return str(described[-1])


def _toml(value: Any) -> str:
    """JSON's strings, numbers and lists are TOML's too; a struct becomes an inline table."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value)
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in fields.items()) + "}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML alone wants it escaped


def _at(pointer: str, read: Any, value: str) -> None:
    try:
        read(value)
    except Refused as error:
        error.code = "invalid-config"
        raise error.under(pointer) from error
