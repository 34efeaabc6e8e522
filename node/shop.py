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
    headers = {"Authorization": f"Bearer {os.environ[API_KEY]}"}
    try:
        answer = httpx.post(url.rstrip("/") + path, json=body, headers=headers, timeout=PATIENCE)
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
