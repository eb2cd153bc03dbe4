"""The portal of a test, served on a loopback port for a real browser."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

from flask import Flask
from playwright.sync_api import Page
from werkzeug.serving import ThreadedWSGIServer

from tests.support.portal import PASSWORD
from webapp.accounts.models import User

LOOPBACK = "127.0.0.1"
ENDS_WITHIN_S = 20  # the last requests, on a busy machine; a live page's stream ends with its job


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


class _Server(ThreadedWSGIServer):
    """A thread for each request, all of them known: one left behind would use a database that is closed."""

    def __init__(self, application: Any) -> None:
        super().__init__(LOOPBACK, 0, application)
        self._requests: list[tuple[Thread, socket.socket]] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread."""
        thread = Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._requests.append((thread, request))
        thread.start()

    def finish_requests(self) -> None:
        """Wait until every request is answered. Raises AssertionError for one that goes on."""
        for _, connection in self._requests:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)  # browsers open some that they never use
        for thread, _ in self._requests:
            thread.join(ENDS_WITHIN_S)
            assert not thread.is_alive(), "a request of this test still runs; end the job that it follows"


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve ``app`` in threads of this process; gives its address without a path."""
    server = _Server(_whole_files(app))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.finish_requests()


def log_in(page: Page, user: User) -> None:
    """Log in by the log-in page, as a person does."""
    page.goto("/login")
    page.get_by_label(re.compile("e-?mail", re.IGNORECASE)).fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile(r"/$"))
