"""The browser that the end-to-end tests drive: found, or installed, or named with the line that installs it.

    python -m stack.browser      makes sure there is one, and prints where

In this order: a Chromium or Chrome on the PATH; the one that Playwright downloads for itself; Debian's package,
where this user may install it. Only `make test` runs this, never `make up`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGE = "chromium"
DOWNLOAD = 300  # seconds that a download may take
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


class NoBrowser(Exception):
    """There is none and none can be installed; says what to type."""


def find() -> Path | None:
    """A browser that is there and starts."""
    on_path = [Path(found) for found in map(shutil.which, NAMES) if found]
    return next((browser for browser in [*on_path, *_playwrights()] if _starts(browser)), None)


def ensure() -> Path:
    """A browser, installed now if need be. Raises NoBrowser."""
    browser = find()
    for install in (_download, _package):
        if browser is None and install():
            browser = find()
    if browser is None:
        raise NoBrowser(f"the end-to-end tests need a browser; type: sudo apt-get install {PACKAGE}")
    return browser


def arguments() -> list[str]:
    """What the browser must be started with: as root it refuses to run in its own sandbox."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []


def _playwrights() -> list[Path]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return [path] if path.exists() else []


def _starts(browser: Path) -> bool:
    return _succeeds(str(browser), "--version", seconds=30)


def _download() -> bool:
    return _succeeds(sys.executable, "-m", "playwright", "install", "chromium", seconds=DOWNLOAD)


def _package() -> bool:
    if shutil.which("apt-get") is None:
        return False
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and not _succeeds(*as_root, "true", seconds=10):
        return False
    install = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends")
    package = (*as_root, *install, PACKAGE)
    if _succeeds(*package, seconds=DOWNLOAD):
        return True
    return _succeeds(*as_root, "apt-get", "update", seconds=DOWNLOAD) and _succeeds(*package, seconds=DOWNLOAD)


def _succeeds(*argv: str, seconds: int) -> bool:
    try:
        return subprocess.run(argv, timeout=seconds, check=False, **QUIET).returncode == 0  # type: ignore[call-overload,no-any-return]
    except (OSError, subprocess.TimeoutExpired):
        return False


if __name__ == "__main__":
    try:
        print(f"browser: {ensure()}")
    except NoBrowser as missing:
        sys.exit(f"make test: {missing}")
