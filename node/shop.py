"""The few calls that an owner's commands make to the marketplace's REST API, with the owner's API key."""

from __future__ import annotations

import os
from typing import Any

import httpx

from assay.errors import Refused, Unavailable

API_KEY = "ASSAY_API_KEY"
PATIENCE = 30.0  # seconds


def post(url: str, path: str, body: dict[str, Any]) -> Any:
    """The decoded answer. Raises Refused with the marketplace's own words, or Unavailable."""
    return _ask("POST", url, path, body)


def get(url: str, path: str) -> Any:
    """The same."""
    return _ask("GET", url, path, None)


def require_known(url: str) -> None:
    """That there is a marketplace to ask, and a key to ask it with. Raises Refused."""
    if not url or not os.environ.get(API_KEY):
        raise Refused(
            "the marketplace cannot be asked",
            code="invalid-config",
            pointer=API_KEY if url else "marketplace.url",
            expected="a marketplace's address in node.toml, and an API key in the environment",
            hint=f"export {API_KEY}=assay_… (with the scopes models and nodes)",
        )


def _ask(method: str, url: str, path: str, body: dict[str, Any] | None) -> Any:
    headers = {"Authorization": f"Bearer {os.environ[API_KEY]}"}
    try:
        answer = httpx.request(method, url.rstrip("/") + path, json=body, headers=headers, timeout=PATIENCE)
        content = answer.json() if answer.content else {}
    except (httpx.HTTPError, ValueError) as error:
        raise Unavailable(
            "the marketplace did not answer", pointer=url, got=str(error), hint="Check `marketplace.url`."
        ) from error
    if answer.is_success:
        return content
    problem = content if isinstance(content, dict) else {}
    fields = {name: str(problem[name]) for name in ("pointer", "expected", "got", "hint") if problem.get(name)}
    raise Refused(
        str(problem.get("detail") or problem.get("title") or f"HTTP {answer.status_code}"),
        code=str(problem.get("code") or "refused"),
        **fields,
    )
