"""A real Chromium for tests, driven by Playwright: one per test process, pages of its own for each test.

A test fails when one of its pages logs an error, throws one, or asks for anything that is not on loopback.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

VARIABLE = "SQLHOSTING_TEST_BROWSER"
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
TIMEOUT_MS = 15_000  # for each wait of a page; tests share two cores
LAUNCH_TIMEOUT_MS = 60_000
# Style sheets, scripts and signs that were given up because the next page, or the test's end, came first.
# A missing one answers 404.
_BROKEN_OFF = re.compile(
    r"net::ERR_(CONNECTION_\w+|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE) \(http://127\.0\.0\.1:\d+/(bootstrap/)?static/"
)
_LOCAL_SCHEMES = {"about", "blob", "data"}
_ARGUMENTS = (
    "--disable-dev-shm-usage",  # containers give /dev/shm too little
    "--no-proxy-server",
    # Windows of one portal, one after the other: no process for drawing, none kept ready for other sites.
    "--disable-gpu",
    "--disable-features=SpareRendererForSitePerProcess",
    "--process-per-site",
    # Names outside loopback do not resolve: what a page asks for elsewhere is seen, and never sent.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
)


def executable() -> Path:
    """Chromium: what SQLHOSTING_TEST_BROWSER names, else the first on the PATH. Raises if there is none."""
    named = os.environ.get(VARIABLE)
    candidates = (named,) if named else PROGRAMS
    for candidate in candidates:
        if found := shutil.which(candidate):
            return Path(found)
    wrong = f"{VARIABLE} names {named}, which is no program" if named else "no Chromium found on the PATH"
    raise RuntimeError(
        f"{wrong}: run 'make setup' or install the package 'chromium' (on Ubuntu, whose package is only a "
        f"stub for a snap: Google Chrome), or set {VARIABLE} to its path"
    )


def is_local(url: str) -> bool:
    """Whether ``url`` stays on this machine."""
    parts = urlsplit(url)
    if parts.scheme in _LOCAL_SCHEMES:
        return True
    host = parts.hostname or ""
    return host in {"localhost", "::1"} or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


@dataclass
class Pages:
    """The pages of one test, and what went wrong in them."""

    browser: Browser
    problems: list[str] = field(default_factory=list)
    _tolerated: list[re.Pattern[str]] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def new_page(self, base_url: str, *, dark: bool = False, width: int = 1280, height: int = 800) -> Page:
        """A page of a browser that knows nothing yet: each call is another visitor.

        ``base_url``: what paths are relative to. ``width`` and ``height``: CSS pixels of the window.
        ``page.context.new_page()`` opens one more tab of the same visitor. Copy buttons work.
        """
        context = self.browser.new_context(
            base_url=base_url,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            locale="en-GB",
            permissions=["clipboard-read", "clipboard-write"],
        )
        self._contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        expect.set_options(timeout=TIMEOUT_MS)
        context.on("console", self._on_console)
        context.on("weberror", lambda problem: self._add(f"JavaScript error: {problem.error}"))
        context.on("request", lambda request: self._on_request(request.url))
        context.on("page", self._on_page)
        return context.new_page()

    def tolerate(self, pattern: str) -> None:
        """Let this test's problems pass in which the regular expression ``pattern`` is found.

        An answer of status 4xx is one, for instance: ``tolerate("status of 404")``.
        """
        self._tolerated.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """The problems so far, without the tolerated ones."""
        tolerated = (*self._tolerated, _BROKEN_OFF)
        return [one for one in self.problems if not any(each.search(one) for each in tolerated)]

    def close(self) -> None:
        """Close every page; what they still had to report is in ``problems`` afterwards."""
        while self._contexts:
            self._contexts.pop().close()

    def _add(self, problem: str) -> None:
        self.problems.append(problem)

    def _on_page(self, page: Page) -> None:
        page.on("websocket", lambda socket: self._on_request(socket.url))
        page.on("crash", lambda crashed: self._add(f"the page crashed: {crashed.url}"))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._add(f"error in the console: {message.text} ({message.location.get('url', '')})")

    def _on_request(self, url: str) -> None:
        if not is_local(url):
            self._add(f"request outside loopback: {url}")


@dataclass
class Chromium:
    """A running browser. ``version``: Chromium's."""

    browser: Browser
    version: str
    _loop: asyncio.AbstractEventLoop | None

    @contextmanager
    def pages(self) -> Iterator[Pages]:
        """The pages of one test, closed at the end. Raises AssertionError for what went wrong in them."""
        # Playwright's loop counts as this thread's running one from its start to its end, and every
        # asyncio.run() of another test would refuse to work. So it counts only within a browser test.
        asyncio._set_running_loop(self._loop)
        pages = Pages(self.browser)
        try:
            try:
                yield pages
            finally:
                pages.close()
        except BaseException as error:
            for problem in pages.unexpected():
                error.add_note(f"browser: {problem}")
            raise
        finally:
            asyncio._set_running_loop(None)
        if problems := pages.unexpected():
            raise AssertionError("the browser reports:\n" + "\n".join(problems))


def _driver() -> Playwright:
    """Playwright's own process, which speaks with browsers. Raises RuntimeError when it does not start."""
    try:
        return sync_playwright().start()
    except Exception as error:
        raise RuntimeError(
            f"Playwright's driver did not start ({error}); the captured output says why. "
            "Run 'make setup', or install the package 'libatomic1' if that is what it misses"
        ) from error


@contextmanager
def running_browser() -> Iterator[Chromium]:
    """A Chromium without a window, gone at the end. Most tests want :func:`shared_browser`."""
    program = executable()
    arguments = list(_ARGUMENTS)
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox does not work for root
    playwright = _driver()
    loop = asyncio.get_running_loop()
    try:
        browser = playwright.chromium.launch(
            executable_path=program, args=arguments, timeout=LAUNCH_TIMEOUT_MS
        )
        asyncio._set_running_loop(None)
        yield Chromium(browser=browser, version=browser.version, _loop=loop)
        asyncio._set_running_loop(loop)
        browser.close()
    finally:
        asyncio._set_running_loop(loop)
        playwright.stop()
        asyncio._set_running_loop(None)


def screenshot(page: Page, path: Path) -> None:
    """Save the whole page as a PNG in ``path``, animations ended and the cursor hidden."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=True, animations="disabled", caret="hide")


_SHARED = pytest.StashKey[Chromium]()


def shared_browser(config: pytest.Config) -> Chromium:
    """The one browser of this test process, started at the first call and closed when pytest ends."""
    if _SHARED not in config.stash:
        stack = ExitStack()
        config.stash[_SHARED] = stack.enter_context(running_browser())
        config.add_cleanup(stack.close)
    return config.stash[_SHARED]
