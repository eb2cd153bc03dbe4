"""The portal of a test, served on a loopback port for a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from flask import Flask
from playwright.sync_api import Page
from werkzeug.serving import make_server

from tests.support.portal import PASSWORD
from webapp.accounts.models import User


def _whole_files(application: Any) -> Any:
    """Read files at once: a browser that goes to another page breaks off, and would leave them open."""

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer = application(environ, start_response)
        if "/static/" not in environ["PATH_INFO"]:
            return answer
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    return serve


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve ``app`` in threads of this process; gives its address without a path."""
    server = make_server("127.0.0.1", 0, _whole_files(app), threaded=True)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def log_in(page: Page, user: User) -> None:
    """Log in by the log-in page, as a person does."""
    page.goto("/login")
    page.get_by_label(re.compile("e-?mail", re.IGNORECASE)).fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile(r"/$"))
