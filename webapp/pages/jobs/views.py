"""The list of jobs, the queue, the pages of a job, and what operators do with it."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from webapp.accounts.models import PortalRole, User
from webapp.errors import InvalidInput, PlatformError
from webapp.jobs.listing import ACTIVE, PLATFORM, JobFilter
from webapp.jobs.models import Job, JobState, TargetLock
from webapp.jobs.operations import relaunch, request_cancel, resume
from webapp.jobs.schedules import due_times
from webapp.jobs.visibility import find_job, visible_jobs
from webapp.pages.jobs.filters import job_filter
from webapp.pages.jobs.follow_up import outlook_of
from webapp.pages.jobs.heading import heading_of
from webapp.pages.jobs.listing import csv_lines, read_queue, run_seconds
from webapp.pages.jobs.names import names_for
from webapp.pages.jobs.output import newest_window, search, window_around
from webapp.pages.jobs.steps import changes_of, steps_of
from webapp.pages.jobs.tabs import fragment, render_job, without_secrets
from webapp.pages.jobs.task_results import FILTERS as TASK_FILTERS
from webapp.pages.jobs.task_results import results_until
from webapp.pools.models import Instance, Pool
from webapp.statements.listing import FILTERS as STATEMENT_FILTERS
from webapp.statements.listing import newest_of_job
from webapp.statements.models import JobStatement
from webapp.statements.rows import message_texts
from webapp.statements.words import sentence
from webapp.web import session as web
from webapp.web.access import ANYONE, OPERATORS, STAFF, actor, may

jobs = Blueprint("jobs", __name__)


@jobs.app_template_filter("change_words")
def _change_words(statement: JobStatement) -> str:
    return sentence(statement)


@jobs.app_template_filter("message_texts")
def _message_texts(statement: JobStatement) -> list[str]:
    return message_texts(statement)


@jobs.get("/jobs")
@may(STAFF)
def index() -> ResponseReturnValue:
    """All jobs, newest first."""
    session = web.session()
    wanted = job_filter(request.args)
    page = web.page_by_id(wanted.applied(visible_jobs(current_user)), Job.id, after=request.args.get("after"))
    names = names_for(session, page.rows)
    return render_template(
        "jobs/list.html",
        page=page,
        wanted=wanted,
        names=names,
        run_seconds=run_seconds,
        chips=_chips(wanted),
        states=[(state, state) for state in (ACTIVE, *(each.value for each in JobState))],
        templates=[(name, name.replace("_", " ")) for name in sorted(web.runtime().templates)],
        pools=session.execute(select(Pool.id, Pool.name).order_by(Pool.name)).all(),
        instances=session.execute(
            select(Instance.id, Instance.name).order_by(Instance.name).limit(500)
        ).all(),
        launchers=[(PLATFORM, PLATFORM), *_launchers(wanted)],
    )


def _chips(wanted: JobFilter) -> list[tuple[str, str, str]]:
    """(field, words, address without it) for each field that narrows the list."""
    named = names_for(
        web.session(),
        [],
        [f"{kind}:{getattr(wanted, kind)}" for kind in ("instance", "application", "pool", "user")
         if getattr(wanted, kind, "")],
    )  # fmt: skip
    chips = []
    for field, value in wanted.chosen.items():
        words = value.replace("_", " ")
        if field in ("instance", "application", "pool"):
            words = named.target(f"{field}:{value}").name
        elif field == "launched_by" and value != PLATFORM:
            user = web.session().get(User, value)
            words = user.email if user else value
        rest: dict[str, Any] = {key: one for key, one in wanted.chosen.items() if key != field}
        chips.append((field, words, url_for("jobs.index", **rest)))
    return chips


def _launchers(wanted: JobFilter) -> list[tuple[str, str]]:
    """Staff, who launch jobs by hand, and whoever is chosen."""
    query = select(User.id, User.email).order_by(User.email).limit(200)
    is_offered = (User.role != PortalRole.CUSTOMER) | (User.id == wanted.launched_by)
    return [(row.id, row.email) for row in web.session().execute(query.where(is_offered))]


@jobs.get("/jobs.csv")
@may(STAFF)
def index_csv() -> ResponseReturnValue:
    """The list as CSV."""
    lines = list(csv_lines(web.session(), job_filter(request.args).applied(visible_jobs(current_user))))
    return Response(
        "".join(lines),
        mimetype="text/csv",
        headers={"Content-Disposition": "attachment; filename=jobs.csv", "Cache-Control": "no-store"},
    )


@jobs.get("/jobs/queue")
@may(STAFF)
def queue_page() -> ResponseReturnValue:
    """What runs and what waits for what."""
    return render_template("jobs/queue.html", queue=read_queue(web.session()))


@jobs.get("/jobs/<job_id>")
@may(ANYONE)
def job_page(job_id: str) -> ResponseReturnValue:
    """A job with its output; for a customer its steps and changes."""
    session = web.session()
    job = find_job(session, current_user, job_id)
    if not current_user.is_staff:
        return render_template(
            "jobs/mine.html",
            job=job,
            template=web.runtime().templates.get(job.template),
            heading=heading_of(session, job),
            outlook=outlook_of(session, web.runtime().settings, current_user, job),
            steps=steps_of(session, job),
            changes=changes_of(session, job),
            is_staff=False,
        )
    line = request.args.get("line", "")
    wanted = request.args.get("q", "").strip()[:200]
    if line.isascii() and line.isdigit() and len(line) < 10:
        window = window_around(session, job.id, line=int(line), until=job.stream)
    else:
        window = newest_window(session, job.id, until=job.stream)
    matches, has_more = search(session, job.id, wanted) if wanted else ([], False)
    return render_job(
        session, job, "output", window=window, q=wanted, matches=matches, has_more_matches=has_more
    )


@jobs.get("/jobs/<job_id>/outlook")
@may(ANYONE)
def outlook(job_id: str) -> ResponseReturnValue:
    """What the job's stream does not tell, as HTML for the page, and when to ask again."""
    session = web.session()
    job = find_job(session, current_user, job_id)
    found = outlook_of(session, web.runtime().settings, current_user, job)
    answer = {"html": fragment("jobs/_outlook.html", outlook=found), "look_again_s": found.look_again_s}
    return answer, 200, {"Cache-Control": "no-store"}


@jobs.get("/jobs/<job_id>/output/older")
@may(STAFF)
def older_output(job_id: str) -> ResponseReturnValue:
    """The lines right before the stream position ``?before=``, as HTML for the page."""
    session = web.session()
    job = find_job(session, current_user, job_id)
    before = _number("before")
    window = newest_window(session, job.id, until=job.stream, before=before)
    return {
        "html": fragment("jobs/_lines.html", lines=window.lines),
        "first_stream": window.first_stream,
        "has_older": window.has_older,
    }


@jobs.get("/jobs/<job_id>/tasks")
@may(STAFF)
def tasks_page(job_id: str) -> ResponseReturnValue:
    """What each task did on each host."""
    session = web.session()
    job = find_job(session, current_user, job_id)
    show = _choice("show", TASK_FILTERS)
    before = _number("before") if "before" in request.args else None
    window = results_until(session, job.id, until=job.stream, before=before, show=show)
    return render_job(session, job, "tasks", window=window, show=show, before=before)


@jobs.get("/jobs/<job_id>/statements")
@may(STAFF)
def statements_page(job_id: str) -> ResponseReturnValue:
    """The statements in their order."""
    session = web.session()
    job = find_job(session, current_user, job_id)
    show = _choice("show", STATEMENT_FILTERS)
    before = None
    if "before" in request.args:
        before = session.get(JobStatement, request.args["before"])
        if before is None or before.job_id != job.id:
            raise InvalidInput("before", "It is no statement of this job", "Load the page again.")
    window = newest_of_job(session, job.id, before=before, show=show)
    return render_job(session, job, "statements", window=window, show=show, before=before)


@jobs.get("/jobs/<job_id>/details")
@may(STAFF)
def details_page(job_id: str) -> ResponseReturnValue:
    """Parameters, attempts, lease, locks, results by host, downloads."""
    session = web.session()
    job = find_job(session, current_user, job_id)
    locks = session.scalars(select(TargetLock).where(TargetLock.job_id == job.id)).all()
    again = session.scalars(select(Job).where(Job.relaunch_of_id == job.id).order_by(Job.id).limit(20)).all()
    template = web.runtime().templates.get(job.template)
    return render_job(
        session,
        job,
        "details",
        parameters=json.dumps(without_secrets(job.parameters), ensure_ascii=False, indent=2),
        locks=locks,
        again=again,
        template=template,
        due_times=due_times(session, [job.id]).get(job.id),
    )


def _number(name: str) -> int:
    text = request.args.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise InvalidInput(name, "It is no position in the job", "Load the page again.")
    return int(text)


def _choice(name: str, choices: tuple[str, ...]) -> str:
    value = request.args.get(name, "")
    if value not in choices:
        words = ", ".join(choice for choice in choices if choice)
        raise InvalidInput(name, f"{value[:50]} is no filter", f"Choose one of {words}.")
    return value


@jobs.post("/jobs/<job_id>/cancel")
@may(OPERATORS)
def cancel(job_id: str) -> ResponseReturnValue:
    """Stop a job: at once while it waits; a running one when its worker has made sure that it is dead."""
    return _act(job_id, "cancel")


@jobs.post("/jobs/<job_id>/relaunch")
@may(OPERATORS)
def run_again(job_id: str) -> ResponseReturnValue:
    """The same again, as a new job."""
    return _act(job_id, "relaunch")


@jobs.post("/jobs/<job_id>/resume")
@may(OPERATORS)
def go_on(job_id: str) -> ResponseReturnValue:
    """Go on with a job that failed."""
    return _act(job_id, "resume")


def _act(job_id: str, what: str) -> ResponseReturnValue:
    session = web.session()
    try:
        if what == "cancel":
            job = request_cancel(session, actor(), job_id)
        elif what == "relaunch":
            job = relaunch(session, actor(), web.runtime().templates, job_id)
        else:
            job = resume(session, actor(), job_id)
        session.commit()
    except PlatformError as exc:
        if exc.status == 404:
            raise
        session.rollback()
        flash(str(exc), "danger")
        return redirect(url_for("jobs.job_page", job_id=job_id))
    if what == "cancel":
        text = "The job is canceled." if job.state is JobState.CANCELED else "The job is being stopped."
        flash(text, "info")
    return redirect(url_for("jobs.job_page", job_id=job.id))
