"""Programs to paste: one model or group asked with curl, Python, JavaScript and the command line.

They are complete: with a key in ASSAY_API_KEY each runs as it stands. The tests run the first two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.model import ImagePreprocessing, Interface, RowPreprocessing

INSTALL = "pip install ./sdk, in Assay's source"
MAX_INLINE = 1500  # characters of an input that is still written out


@dataclass(frozen=True)
class Snippet:
    slug: str
    title: str
    text: str
    note: str = ""

    @property
    def what(self) -> str:
        return f"the {self.title} example"


@dataclass(frozen=True)
class _Input:
    """How the same input is written for JSON, for Python and as a file."""

    json: str
    python: str
    file: str


@dataclass(frozen=True)
class Target:
    """What is asked, a `model` or a `group` by its name, and whose word counts: a provider's key, a genesis."""

    kind: str
    name: str
    anchor: str  # empty if no node holds the model

    @property
    def python(self) -> str:
        return f'"{self.name}"' if self.kind == "model" else f'group="{self.name}"'

    @property
    def words(self) -> str:
        return self.name if self.kind == "model" else f"--group {self.name}"

    @property
    def trust(self) -> str:
        return {"model": "provider", "group": "group"}[self.kind]


def snippets(
    url: str, target: Target, interface: Interface, examples: Sequence[Mapping[str, Any]], *, mode: str
) -> list[Snippet]:
    """With an example's input, where that is short enough."""
    given = _input(interface, examples)
    body = f'{{"{target.kind}": "{target.name}", "inputs": {given.json}, "verification": {{"mode": "{mode}"}}}}'
    option = f"--{target.trust} {target.anchor or 'KEY'}"
    return [
        Snippet("curl", "curl", _CURL.format(url=url, body=body.replace("'", "'\\''"))),
        Snippet(
            "python",
            "Python",
            _PYTHON.format(url=url, target=target, given=given.python, mode=mode),
            f"{INSTALL}. The certificate is checked on your machine before predict returns.",
        ),
        Snippet("javascript", "JavaScript", _JAVASCRIPT.format(url=url, body=body)),
        Snippet(
            "cli",
            "Command line",
            _CLI.format(url=url, target=target, file=given.file, mode=mode, option=option),
            f"{INSTALL}. Exit code 0 only if the certificate is valid and by whom you named.",
        ),
    ]


def _input(interface: Interface, examples: Sequence[Mapping[str, Any]]) -> _Input:
    match interface.preprocessing:
        case ImagePreprocessing():
            content = '[{"content_type": "image/png", "content": "<base64 of a PNG>"}]'
            return _Input(_inline(examples) or content, 'image=Path("picture.png")', "picture.png")
        case RowPreprocessing(fields=fields):
            row = json.dumps({field.name: field.example or "0" for field in fields})
            return _Input(f'[{{"content_type": "application/json", "content": {row}}}]', f"row={row}", "row.json")
        case _:
            inputs = _inline(examples) or '[{"name": "…", "datatype": "…", "shape": […], "data": […]}]'
            return _Input(inputs, f"inputs={inputs}", "inputs.json")


def _inline(examples: Sequence[Mapping[str, Any]]) -> str:
    """The first example's tensors, if that is short."""
    written = json.dumps(examples[0]["inputs"]) if examples else ""
    return written if len(written) <= MAX_INLINE else ""


_CURL = """curl {url}/api/v1/predictions \\
  -H "Authorization: Bearer $ASSAY_API_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Prefer: wait=20" \\
  -d '{body}'"""

_PYTHON = """import os
from pathlib import Path

import assay

trust = assay.Trust.of({target.trust}s=["{target.anchor}"])
with assay.Client("{url}", os.environ["ASSAY_API_KEY"], trust=trust) as client:
    prediction = client.predict({target.python}, {given}, verify="{mode}")
print(prediction.answers[0].text)
Path("receipt.json").write_text(prediction.receipt.to_json())"""

_JAVASCRIPT = """const response = await fetch("{url}/api/v1/predictions", {{
  method: "POST",
  headers: {{
    "Authorization": `Bearer ${{process.env.ASSAY_API_KEY}}`,
    "Content-Type": "application/json",
    "Prefer": "wait=20",
  }},
  body: JSON.stringify({body}),
}});
const prediction = await response.json();
console.log(prediction.outputs, prediction.certificate);"""

_CLI = """export ASSAY_URL={url}
assay predict {target.words} --input {file} --mode {mode} {option} --save receipt.json
assay verify receipt.json --input {file} {option}"""
