"""Errors as pages, and as JSON below /api."""

from __future__ import annotations

import logging
import time
from urllib.parse import urlsplit

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from webapp.errors import NotAllowed, PlatformError
from webapp.sealing import SealingError
from webapp.web import session as web
from webapp.web.extensions import limiter, login_manager
from webapp.web.presentation import duration

_log = logging.getLogger(__name__)

TITLES = {
    400: "This request cannot be understood",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Not possible now",
    413: "Too large",
    422: "Something is missing or wrong",
    429: "Too many tries",
    500: "Something went wrong on our side",
    503: "The platform is not available",
}
# Instead of what HTTP's own words say.
TEXTS = {
    403: str(NotAllowed()),
    404: "There is no such page, or what it showed is gone or belongs to somebody else.",
    405: "This address cannot be opened like that.",
    413: "What you sent is larger than the portal takes.",
    429: "There were too many tries, from your address or for this account.",
    500: "The error was noted. What you asked for was not done, unless this portal shows otherwise.",
}


STALE_FORM = (
    "You have logged in or out since it was opened, or it did not come from this portal. "
    "Nothing was changed. Open its page again and send it once more."
)


def register_error_pages(app: Flask) -> None:
    """Handle what views raise."""

    @app.errorhandler(PlatformError)
    def _on_platform_error(error: PlatformError) -> ResponseReturnValue:
        return _answer(error.status, str(error))

    @app.errorhandler(CSRFError)
    def _on_csrf_error(_error: CSRFError) -> ResponseReturnValue:
        return _answer(400, STALE_FORM, title="This form is no longer valid")

    @app.errorhandler(HTTPException)
    def _on_http_error(error: HTTPException) -> ResponseReturnValue:
        code = error.code or 500
        return _answer(code, (TEXTS.get(code) or error.description or "") + _again_in(error))

    @app.errorhandler(DBAPIError)
    def _on_database_error(error: DBAPIError) -> ResponseReturnValue:
        # Not the exception itself: its text holds the statement's parameters.
        _log.error("database_failed endpoint=%s kind=%s", request.endpoint, type(error.orig).__name__)
        if error.connection_invalidated or "OperationalError" in type(error).__name__:
            # Nobody can be looked up now: the page is shown as to somebody who is not logged in.
            g._login_user = login_manager.anonymous_user()
            text = "The platform database does not answer. Nothing was changed. Try again in a minute."
            return _answer(503, text, is_bare=True)
        return _answer(500, "The platform database refused this. Nothing was changed.")

    @app.errorhandler(SealingError)
    def _on_sealing_error(error: SealingError) -> ResponseReturnValue:
        _log.error("sealed_value_unreadable endpoint=%s", request.endpoint)
        return _answer(500, str(error))


def _again_in(error: HTTPException) -> str:
    limit = limiter.current_limit if error.code == 429 else None
    if limit is None:
        return ""
    return f" Try again in {duration(max(1, round(limit.reset_at - time.time())))}."


def _answer(
    status: int, text: str, *, title: str | None = None, is_bare: bool = False
) -> ResponseReturnValue:
    web.close_session()  # what failed in it is over; the page must not trip over it
    title = title or TITLES.get(status, "Something went wrong")
    if request.path.startswith("/api/"):
        return {"error": {"status": status, "title": title, "detail": text}}, status
    page = render_template(
        "error.html", status=status, title=title, text=text, is_bare=is_bare, back=_page_before()
    )
    return page, status


def _page_before() -> str | None:
    """Where the form stood that was refused, as a path of this portal; None for pages that were opened."""
    if request.method in ("GET", "HEAD"):
        return None
    try:
        before = urlsplit(request.referrer or "")
    except ValueError:
        return None
    path = before.path if before.path.startswith("/") and not before.path.startswith("//") else "/"
    if before.netloc != request.host or path == "/" or "\\" in path:
        return None
    return f"{path}?{before.query}" if before.query else path
