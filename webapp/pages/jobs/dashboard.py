"""RQ's dashboard under /ops/rq: for operators, to look at and nothing else.

It brings no access control of its own, changes queues by GET, and unpickles what it finds in Redis. So: a
guard of ours before every request, only GET and HEAD, never the address that requeues, and JSON, not pickle.
Its scripts put what they are told into the page as HTML, so they are told escaped texts: who can write to
Redis must not be able to act as the operator who looks. Jobs are canceled and run again on their own pages,
where the locks and the audit are.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import wraps
from html import escape
from typing import Any

import redis
import rq_dashboard
import rq_dashboard.web
from flask import Flask, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from rq import Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, Unauthorized

from webapp.errors import NotAllowed, Unavailable
from webapp.jobs.queue import connection_for, is_redis_reachable
from webapp.settings import Settings
from webapp.web.access import OPERATORS

_log = logging.getLogger(__name__)

BLUEPRINT = "rq_dashboard"
PREFIX = "/ops/rq"
_READS = frozenset({"GET", "HEAD"})
_CHANGES_BY_GET = frozenset({f"{BLUEPRINT}.requeue_all"})
_POLL_MS = 5000
# Its pages carry inline scripts and make functions of templates; they talk to nobody but this portal.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)


class _JsonJob(RqJob):
    """An RQ job that is read as JSON wherever the dashboard says nothing: unpickling runs code."""

    @classmethod
    def fetch(cls, id: str, connection: Any = None, serializer: Any = None) -> RqJob:
        return super().fetch(id, connection=connection, serializer=serializer or JSONSerializer)


class _JsonWorker(Worker):
    """A worker whose current job is read as JSON."""

    @classmethod
    def all(cls, *args: Any, **options: Any) -> Any:
        options.setdefault("serializer", JSONSerializer)
        return super().all(*args, **options)


def is_offered(settings: Settings) -> bool:
    """Whether the dashboard is there. It would show a password that stands in the query of the address."""
    return settings.dashboard and "password=" not in settings.redis_url.get_secret_value()


def register_dashboard(app: Flask, settings: Settings) -> None:
    """Put the dashboard into ``app``, if it is offered."""
    if not is_offered(settings):
        return
    rq_dashboard.web.config.serializer = JSONSerializer
    rq_dashboard.web.Job = _JsonJob
    rq_dashboard.web.Worker = _JsonWorker
    # It opens a connection for each request from this address, so the limits stand in it.
    url = settings.redis_url.get_secret_value()
    limits = f"{'&' if '?' in url else '?'}socket_timeout=2&socket_connect_timeout=1"
    app.config.update(RQ_DASHBOARD_REDIS_URL=url + limits, RQ_DASHBOARD_DISABLE_DELETE=True)
    app.config.setdefault("RQ_DASHBOARD_POLL_INTERVAL", _POLL_MS)
    rq_dashboard.web.setup_rq_connection(app)
    app.redis_conn = connection_for(settings, timeout_s=2.0)  # type: ignore[attr-defined]
    # Of the app: a hook of the blueprint cannot be added any more once another app has registered it.
    app.before_request(_guard_for(settings))
    # In front of all others, so that it is called last: Talisman sets the policy of all other pages.
    app.after_request_funcs.setdefault(None, []).insert(0, _loosen)
    app.register_error_handler(redis.RedisError, _on_redis_error)
    app.register_blueprint(rq_dashboard.blueprint, url_prefix=PREFIX)
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith(f"{BLUEPRINT}."):
            app.view_functions[endpoint] = _in_words(view)


def _guard_for(settings: Settings) -> Any:
    def guard_dashboard() -> ResponseReturnValue | None:
        if request.blueprint != BLUEPRINT:
            return None
        if not current_user.is_authenticated:
            if request.method in _READS and request.accept_mimetypes.accept_html:
                return redirect(url_for("accounts.login", next=request.path))
            raise Unauthorized("Log in first.")
        if current_user.role not in OPERATORS:
            raise NotAllowed
        if request.method not in _READS or request.endpoint in _CHANGES_BY_GET:
            raise MethodNotAllowed(valid_methods=sorted(_READS), description="Use the pages of jobs.")
        if (request.view_args or {}).get("instance_number"):
            raise NotFound("There is one Redis: number 0.")
        if request.endpoint != f"{BLUEPRINT}.static" and not is_redis_reachable(settings):
            raise Unavailable(_SILENT)
        return None

    return guard_dashboard


_SILENT = "Redis does not answer. Requests are kept in the platform database and run as soon as it is back."


_ODD = (
    "This page cannot show what it finds in Redis: something there was not written by RQ, or is gone by now. "
    "The pages of jobs and workers do not depend on it."
)


def _in_words(view: Callable[..., Any]) -> Callable[..., Any]:
    """``view``, saying so where it stumbles: whatever stands in Redis is no fault of this portal."""

    @wraps(view)
    def told(*args: Any, **options: Any) -> Any:
        try:
            return view(*args, **options)
        except (HTTPException, redis.ConnectionError, redis.TimeoutError):
            raise
        except NoSuchJobError:
            raise NotFound("Redis does not know this job, or not any more.") from None
        except Exception as exc:
            _log.warning("dashboard_stumbled path=%s error=%s", request.path, type(exc).__name__)
            raise Unavailable(_ODD) from exc

    return told


def _on_redis_error(_error: redis.RedisError) -> ResponseReturnValue:
    raise Unavailable(_SILENT)


def _loosen(response: Response) -> Response:
    if request.blueprint == BLUEPRINT and response.status_code == 200:
        response.headers["Content-Security-Policy"] = _POLICY
        if response.is_json:
            response.set_data(json.dumps(_escaped(response.get_json())))
    return response


def _escaped(value: Any) -> Any:
    """``value`` with its texts, names included, harmless in HTML."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {escape(str(key)): _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return value
