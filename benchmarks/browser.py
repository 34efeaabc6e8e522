"""What a visitor's browser waits for and loads: each view in a fresh browser context, nothing cached."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Browser, sync_playwright

from stack import browser as installed

MEASURE = """() => {
    const [page] = performance.getEntriesByType('navigation');
    const parts = performance.getEntriesByType('resource');
    const [paint] = performance.getEntriesByName('first-contentful-paint');
    return {
        paint: paint ? paint.startTime : null,
        bytes: [page, ...parts].reduce((sum, each) => sum + each.transferSize, 0),
    };
}"""


@dataclass(frozen=True)
class View:
    """One visit: milliseconds until the first content is painted, KiB transferred in all."""

    paint: float
    weight: float


def visit(url: str, paths: list[str], repeats: int) -> dict[str, list[View]]:
    """The pages in turns, by path. Raises playwright's TimeoutError where one paints nothing."""
    path = installed.ensure()
    with sync_playwright() as playwright:
        arguments = [*installed.arguments(), "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        views: dict[str, list[View]] = {each: [] for each in paths}
        for _ in range(repeats):
            for each in paths:
                views[each].append(_view(browser, url + each))
        browser.close()
    return views


def _view(browser: Browser, url: str) -> View:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(url, wait_until="networkidle")
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    measured = page.evaluate(MEASURE)
    context.close()
    return View(measured["paint"], measured["bytes"] / 1024)
