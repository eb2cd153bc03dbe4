"""What the pages of one job are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.jobs.models import Job
from webapp.pages.jobs.follow_up import outlook_of
from webapp.pages.jobs.heading import heading_of
from webapp.pages.jobs.names import names_for
from webapp.statements.models import JobStatement
from webapp.web import session as web

_SECRET_NAME = re.compile(r"password|secret|token|credential", re.IGNORECASE)


@dataclass(frozen=True)
class Tab:
    """One tab of the job page, at its own address."""

    name: str
    text: str
    icon: str
    endpoint: str


TABS = (
    Tab("output", "Output", "terminal", "jobs.job_page"),
    Tab("tasks", "Tasks", "list-check", "jobs.tasks_page"),
    Tab("statements", "Statements", "code-square", "jobs.statements_page"),
    Tab("details", "Details", "info-circle", "jobs.details_page"),
)


def fragment(template: str, **values: Any) -> str:
    """A piece of a page. Without the context of whole pages, which costs more than the piece."""
    return current_app.jinja_env.get_template(template).render(**values)


def render_job(session: Session, job: Job, tab: str, **values: Any) -> str:
    """The page of ``job`` with ``tab`` open."""
    statements = session.scalar(
        select(func.count()).select_from(JobStatement).where(JobStatement.job_id == job.id)
    )
    return render_template(
        f"jobs/{tab}.html",
        job=job,
        heading=heading_of(session, job),
        names=names_for(session, [job]),
        tabs=TABS,
        tab=tab,
        statement_count=statements,
        outlook=outlook_of(session, web.runtime().settings, current_user, job),
        is_staff=current_user.is_staff,
        **values,
    )


def without_secrets(value: Any) -> Any:
    """``value`` for a page. Parameters hold no secret; what is called like one is hidden all the same."""
    if isinstance(value, dict):
        return {
            key: "hidden" if _SECRET_NAME.search(str(key)) else without_secrets(one)
            for key, one in value.items()
        }
    return [without_secrets(one) for one in value] if isinstance(value, list) else value
