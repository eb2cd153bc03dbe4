"""Errors as pages, and as JSON below /api."""

from __future__ import annotations

import logging

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from webapp.errors import PlatformError
from webapp.sealing import SealingError

_log = logging.getLogger(__name__)

TITLES = {
    400: "This request cannot be understood",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Not possible any more",
    413: "Too large",
    422: "Something is missing or wrong",
    429: "Too many tries",
    500: "Something went wrong on our side",
    503: "The platform is not available",
}


def register_error_pages(app: Flask) -> None:
    """Handle what views raise."""

    @app.errorhandler(PlatformError)
    def _on_platform_error(error: PlatformError) -> ResponseReturnValue:
        return _answer(error.status, str(error))

    @app.errorhandler(CSRFError)
    def _on_csrf_error(_error: CSRFError) -> ResponseReturnValue:
        return _answer(400, "The form is too old or did not come from this portal. Load the page again.")

    @app.errorhandler(HTTPException)
    def _on_http_error(error: HTTPException) -> ResponseReturnValue:
        return _answer(error.code or 500, error.description or "")

    @app.errorhandler(DBAPIError)
    def _on_database_error(error: DBAPIError) -> ResponseReturnValue:
        # Not the exception itself: its text holds the statement's parameters.
        _log.error("database_failed endpoint=%s kind=%s", request.endpoint, type(error.orig).__name__)
        if error.connection_invalidated or "OperationalError" in type(error).__name__:
            return _answer(
                503, "The platform database does not answer. Nothing was changed. Try again in a minute."
            )
        return _answer(500, "The platform database refused this. Nothing was changed.")

    @app.errorhandler(SealingError)
    def _on_sealing_error(error: SealingError) -> ResponseReturnValue:
        _log.error("sealed_value_unreadable endpoint=%s", request.endpoint)
        return _answer(500, str(error))


def _answer(status: int, text: str) -> ResponseReturnValue:
    title = TITLES.get(status, "Something went wrong")
    if request.path.startswith("/api/"):
        return {"error": {"status": status, "title": title, "detail": text}}, status
    return render_template("error.html", status=status, title=title, text=text), status
