"""``GET /jobs/<id>/stream``: a job live, as server-sent events.

Messages: ``heading``, ``news`` (JSON with the HTML of lines, task results and statements), ``end`` (the job
has ended and everything was sent; the browser stops), ``gone`` (the visitor no longer sees it). The id of
each is the position in the job's stream, which the browser sends back as Last-Event-ID when it comes again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

from flask import Response, current_app, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.errors import InvalidInput, NotFound
from webapp.jobs.visibility import find_job
from webapp.pages.jobs.steps import is_change
from webapp.pages.jobs.stream import PARTS, Batch, Follower, JobReader
from webapp.pages.jobs.tabs import fragment
from webapp.pages.jobs.views import jobs
from webapp.statements.listing import fits
from webapp.web import session as web
from webapp.web.access import ANYONE, may

READ_EVERY_S = 0.3  # and at once when Redis says that something happened
SOONEST_S = 0.04  # between two reads, however much happens or is said to
HEARTBEAT_S = 15.0  # proxies cut connections on which nothing happens
CHECK_ACCESS_S = 5.0
LONGEST_S = 300.0  # then the thread is free again; the browser comes back by itself
RETRY_MS = 1000
CROWDED_RETRY_MS = 2500
_open_streams = 0
_lock = threading.Lock()


@jobs.get("/jobs/<job_id>/stream")
@may(ANYONE)
def stream(job_id: str) -> ResponseReturnValue:
    """Everything that came after ``?after=`` (or Last-Event-ID) and comes from now on."""
    is_plan = find_job(web.session(), current_user, job_id).check_mode
    parts = tuple(part for part in PARTS if part in request.args.get("parts", ",".join(PARTS)).split(","))
    if not current_user.is_staff:
        parts = tuple(part for part in parts if part != "output")
    runtime = web.runtime()
    reader = JobReader(
        runtime.database,
        Follower(current_user.id, current_user.role, current_user.session_id),
        job_id,
        after=_position(request.headers.get("Last-Event-ID") or request.args.get("after") or "0"),
        parts=parts,
    )
    web.close_session(None)  # the stream outlives any transaction that one should hold
    # Half of the threads at most: with more pages open than that, they ask again and again instead.
    most = max(1, runtime.settings.portal_threads // 2)
    longest_s = float(current_app.config.get("JOB_STREAM_SECONDS", LONGEST_S))
    messages = _messages(
        reader, runtime.nudges.watching(job_id), show=request.args.get("show", ""), is_plan=is_plan,
        most=most, longest_s=longest_s,
    )  # fmt: skip
    return Response(
        stream_with_context(messages),
        mimetype="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _position(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise InvalidInput("after", "It is no position in a job's stream", "Give a whole number from 0.")
    return int(text)


def _messages(
    reader: JobReader,
    watching: AbstractContextManager[threading.Event],
    *,
    show: str,
    is_plan: bool,
    most: int,
    longest_s: float,
) -> Iterator[str]:
    global _open_streams  # noqa: PLW0603 - streams of all threads of the process
    with _lock:
        _open_streams += 1
        is_crowded = _open_streams > most
    try:
        yield f"retry: {CROWDED_RETRY_MS if is_crowded else RETRY_MS}\n\n"
        with watching as nudged:
            yield from _follow(
                reader, nudged, show=show, is_plan=is_plan, seconds=0 if is_crowded else longest_s
            )
    except NotFound:
        yield _message("gone", reader.cursor, "{}")
    finally:
        with _lock:
            _open_streams -= 1


def _follow(
    reader: JobReader, nudged: threading.Event, *, show: str, is_plan: bool, seconds: float
) -> Iterator[str]:
    begun = said = checked = time.monotonic()
    while True:
        nudged.clear()  # before the read: what happens from here on wakes the next one
        batch = reader.read()
        moment = time.monotonic()
        if batch.has_news:
            said = moment
            yield from _said(batch, show, is_plan=is_plan)
        if batch.is_complete:
            yield _message("end", batch.cursor, "{}")
            return
        if moment - checked >= CHECK_ACCESS_S:
            checked = moment
            if not reader.may_go_on():
                raise NotFound("The session has ended.")
        if moment - said >= HEARTBEAT_S:
            said = moment
            yield ": still here\n\n"
        if batch.lines or batch.results or batch.statements:
            continue  # there may be more at once
        if moment - begun >= seconds:
            return
        time.sleep(SOONEST_S)
        nudged.wait(READ_EVERY_S - SOONEST_S)


def _said(batch: Batch, show: str, *, is_plan: bool) -> Iterator[str]:
    is_staff = current_user.is_staff
    if batch.lines or batch.results or batch.statements:
        shown = [row for row in batch.statements if fits(row, show)]
        if not is_staff:
            shown = [row for row in shown if is_change(row, is_plan=is_plan)]
        row_page = "jobs/_statement.html" if is_staff else "jobs/_change.html"
        task_page = "jobs/_result.html" if is_staff else "jobs/_step.html"
        news = {
            "lines": fragment("jobs/_lines.html", lines=batch.lines) if batch.lines else "",
            "last_line": batch.lines[-1].number if batch.lines else None,
            "results": [
                {"key": f"r-{result.key}", "state": result.state, "html": fragment(task_page, result=result)}
                for result in batch.results
                if is_staff or result.host is None
            ],
            "statements": [
                {"key": f"s-{row.id}", "html": fragment(row_page, statement=row)} for row in shown
            ],
        }
        yield _message("news", batch.cursor, json.dumps(news))
    if batch.heading:
        html = fragment("jobs/_heading.html", heading=batch.heading, is_staff=is_staff)
        state = {"html": html, "state": batch.heading.state, "actions": batch.heading.actions}
        yield _message("heading", batch.cursor, json.dumps(state))


def _message(kind: str, cursor: int, data: str) -> str:
    return f"id: {cursor}\nevent: {kind}\ndata: {data}\n\n"
