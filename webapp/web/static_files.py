"""Style sheets, scripts and signs: their addresses change with their content, so that browsers keep them."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from werkzeug.utils import safe_join

from webapp.web.access import STATIC

KEPT_S = 365 * 24 * 3600


def register_static_files(app: Flask) -> None:
    """Put a version into the addresses that ``url_for`` makes, and let only those be kept."""

    @app.url_defaults
    def _add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint in STATIC and "filename" in values:
            blueprint = endpoint.rpartition(".")[0]
            folder = (app.blueprints[blueprint] if blueprint else app).static_folder
            path = Path(safe_join(folder or "", values["filename"]) or "")
            if path.is_file():
                values["v"] = _version(path, path.stat().st_mtime_ns)

    @app.after_request
    def _keep(response: Response) -> Response:
        if request.endpoint in STATIC and "v" in request.args and response.status_code in (200, 206, 304):
            response.headers["Cache-Control"] = f"public, max-age={KEPT_S}, immutable"
        return response


@lru_cache(maxsize=200)
def _version(path: Path, _changed_at_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
