"""Debian's Chromium, driven by Playwright: no browser is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

REQUIRED = "EKS_IDENTITY_REQUIRE_CHROMIUM"
"""Variable with which tests fail where Chromium is missing. CI sets it."""
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium; skip the test where it is missing, or fail if CI requires it."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        reason = f"Chromium is not installed: none of {', '.join(_NAMES)} is on the PATH (apt-get install chromium)"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    # Chromium's sandbox does not work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@dataclass
class OpenPage:
    """A page in the browser, with what it logged and requested."""

    page: Page
    messages: list[str] = field(default_factory=list)
    """Errors and warnings of the console, and uncaught exceptions."""
    requests: list[str] = field(default_factory=list)
    """Addresses other than the file itself."""

    def accessible_nodes(self) -> list[tuple[str, str]]:
        """Return role and name of each node that a screen reader gets."""
        session = self.page.context.new_cdp_session(self.page)
        tree: dict[str, Any] = session.send("Accessibility.getFullAXTree")
        session.detach()
        visible = [node for node in tree["nodes"] if not node.get("ignored")]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in visible]

    def focused(self) -> str:
        """Return the id of the focused element."""
        return str(self.page.evaluate("document.activeElement.id"))


@contextmanager
def open_file(browser: Browser, path: Path, **options: Any) -> Iterator[OpenPage]:
    """Open a file in a new context of the browser."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, **options)
    page = context.new_page()
    opened = OpenPage(page)
    page.on("console", lambda message: opened.messages.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: opened.messages.append(str(error)))
    page.on("request", lambda request: opened.requests.append(request.url))
    page.goto(path.as_uri())
    opened.requests.remove(path.as_uri())
    yield opened
    context.close()
