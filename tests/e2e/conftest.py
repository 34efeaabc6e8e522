"""A real browser in front of the whole marketplace.

Playwright's synchronous interface keeps an event loop running in this thread while it is open, so it is opened for
one file of tests at a time and these tests touch no Django: the marketplace is other processes.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from stack import browser as installed

PATIENCE = 30_000  # ms for anything that a machine of two busy processors does
PASSWORD = "an assay office tests metal"
ASSAY = Path(sys.executable).with_name("assay")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    path = installed.ensure()  # which may open Playwright itself, so before we do
    with sync_playwright() as playwright:
        arguments = [*installed.arguments(), "--disable-gpu", "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path=path, args=arguments)
        yield opened
        opened.close()


@dataclass
class Visitor:
    """Somebody at a browser of their own. What the browser complained of is in `complaints`."""

    page: Page
    base: str
    complaints: list[str]
    foreign: list[str]  # requests to other hosts
    folder: Path  # on their disk

    def open(self, path: str) -> None:
        self.page.goto(self.base + path)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()

    def sign_up(self) -> str:
        """On the sign-up page; the name, which is new."""
        name = f"visitor-{secrets.token_hex(4)}"
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("E-mail").fill(f"{name}@example.org")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Sign up")
        return name

    def log_in(self, person: dict[str, str]) -> None:
        self.open("/login")
        self.page.get_by_label("E-mail").fill(person["email"])
        self.page.get_by_label("Password").fill(person["password"])
        self.press("Log in")
        expect(self.page.get_by_role("button", name="Log out")).to_be_visible()

    def download(self, name: str) -> Path:
        """Presses a link that gives a file; where it is."""
        with self.page.expect_download() as started:
            self.follow(name)
        path = self.folder / started.value.suggested_filename
        started.value.save_as(path)
        return path


@pytest.fixture
def visitor(site, chromium, tmp_path) -> Iterator[Visitor]:
    """Nobody yet. At the end the browser must have had nothing to complain of."""
    context = chromium.new_context(accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    yield from _visitor(site, context, tmp_path)
    context.close()


def _visitor(site, context: BrowserContext, folder: Path) -> Iterator[Visitor]:
    came = Visitor(context.new_page(), site.market.url, [], [], folder)
    host = urlsplit(site.market.url).netloc
    came.page.on("console", lambda message: _note(came.complaints, message))
    came.page.on("pageerror", lambda error: came.complaints.append(str(error)))
    context.on("request", lambda request: _foreign(came.foreign, request.url, host))
    yield came
    assert came.complaints == []
    assert came.foreign == []


def _note(complaints: list[str], message) -> None:
    if message.type in ("error", "warning"):
        complaints.append(f"{message.text} ({message.location.get('url')})")


def _foreign(foreign: list[str], url: str, host: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("data", "blob") and parts.netloc != host:
        foreign.append(url)


@pytest.fixture
def people(site) -> dict[str, dict[str, str]]:
    """The demo's people by name."""
    return {person["name"].lower(): person for person in json.loads(Path(site.users).read_text())}


def verify(*arguments: str | Path) -> int:
    """The exit code of `assay verify`, which needs no server."""
    return subprocess.run([ASSAY, "verify", *arguments], capture_output=True, timeout=60, check=False).returncode
