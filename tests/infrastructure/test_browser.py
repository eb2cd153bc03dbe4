"""The tests' own Chromium: what it shows, and which problems of a page fail a test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support import browser as support
from tests.support.browser import Chromium, is_local, screenshot

PAGES = {
    "/favicon.ico": " ",  # Chromium asks for it, when it gets round to it
    "/": "<title>Applications</title><h1>Applications</h1><p style='height: 3000px'></p>",
    "/throws": "<script>throw new Error('nothing to book')</script>",
    "/rejects": "<script>Promise.reject(new Error('no answer'))</script>",
    "/logs": "<script>console.error('no volume left')</script>",
    "/outside": "<img src='http://assets.example.com/logo.png'>",
    "/outside-address": "<img src='http://192.0.2.1/logo.png'>",
    "/outside-socket": (
        "<script>settled = false;"
        "new WebSocket('ws://events.example.com/').onclose = () => settled = true</script>"
    ),
    "/missing-part": "<img src='/nowhere.png'>",
    "/shade": "<script>document.title = matchMedia('(prefers-color-scheme: dark)').matches</script>",
}


class Handler(BaseHTTPRequestHandler):
    """Serves PAGES, and nothing else."""

    def do_GET(self) -> None:
        body = PAGES.get(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write((body or "not found").encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of a small web site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def reported(*expected: str) -> Iterator[None]:
    """The pages used meanwhile fail their test, and the message holds each of ``expected``."""
    with pytest.raises(AssertionError) as raised:
        yield
    for part in expected:
        assert part in str(raised.value)


def test_it_shows_a_page(browser: Chromium, site: str) -> None:
    with browser.pages() as pages:
        page = pages.new_page(site)
        page.goto("/")
        assert page.get_by_role("heading").inner_text() == "Applications"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/throws", "nothing to book"),
        ("/rejects", "no answer"),
        ("/logs", "no volume left"),
        ("/outside", "http://assets.example.com/logo.png"),
        ("/outside-address", "http://192.0.2.1/logo.png"),
        ("/outside-socket", "ws://events.example.com/"),
        ("/missing-part", "status of 404"),
    ],
)
def test_a_problem_of_a_page_fails_its_test(browser: Chromium, site: str, path: str, problem: str) -> None:
    with reported(problem), browser.pages() as pages:
        page = pages.new_page(site)
        page.goto(path)
        page.wait_for_function("window.settled !== false")  # a socket fails later than its page is loaded


def test_a_problem_of_another_tab_fails_the_test(browser: Chromium, site: str) -> None:
    with reported("nothing to book"), browser.pages() as pages:
        pages.new_page(site).context.new_page().goto("/throws")


def test_a_tolerated_problem_hides_no_other(browser: Chromium, site: str) -> None:
    with browser.pages() as pages:
        pages.tolerate("status of 404")
        pages.new_page(site).goto("/nowhere")
    with reported("no volume left"), browser.pages() as pages:
        pages.tolerate("status of 404")
        pages.new_page(site).goto("/logs")


def test_a_failed_test_also_names_the_problems_of_its_pages(browser: Chromium, site: str) -> None:
    with pytest.raises(ValueError, match="seen by the test") as raised, browser.pages() as pages:
        pages.new_page(site).goto("/logs")
        raise ValueError("seen by the test")
    assert "no volume left" in "".join(raised.value.__notes__)


def test_each_page_is_another_visitor(browser: Chromium, site: str) -> None:
    with browser.pages() as pages:
        customer, admin = pages.new_page(site), pages.new_page(site)
        customer.goto("/")
        customer.evaluate("document.cookie = 'session=customer'")
        admin.goto("/")
        assert admin.evaluate("document.cookie") == ""
        assert customer.evaluate("document.cookie") == "session=customer"


@pytest.mark.parametrize("dark", [False, True])
def test_a_page_is_light_or_dark(browser: Chromium, site: str, dark: bool) -> None:
    with browser.pages() as pages:
        page = pages.new_page(site, dark=dark)
        page.goto("/shade")
        assert page.title() == str(dark).lower()


def test_a_screenshot_has_the_page_in_full(browser: Chromium, site: str, tmp_path: Path) -> None:
    path = tmp_path / "shots" / "applications.png"
    with browser.pages() as pages:
        page = pages.new_page(site, width=400, height=300)
        page.goto("/")
        screenshot(page, path)
    header = path.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert int.from_bytes(header[16:20], "big") == 400
    assert int.from_bytes(header[20:24], "big") > 3000


def test_asyncio_works_between_browser_tests(browser: Chromium, site: str) -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    for _ in range(2):
        with browser.pages() as pages:
            pages.new_page(site).goto("/")
        assert asyncio.run(answer()) == 42


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:5000/", True),
        ("http://localhost/", True),
        ("http://[::1]:5000/", True),
        ("data:text/plain,x", True),
        ("https://example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://10.0.0.1/", False),
    ],
)
def test_only_loopback_is_local(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_a_machine_without_it_is_told_which_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(support.VARIABLE, raising=False)
    with pytest.raises(RuntimeError, match="install the package 'chromium'"):
        support.executable()
    monkeypatch.setenv(support.VARIABLE, str(tmp_path / "none"))
    with pytest.raises(RuntimeError, match=f"{support.VARIABLE} names .*none"):
        support.executable()
