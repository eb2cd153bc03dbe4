"""``sqlhosting`` with one more job template: a booking without the rooms around it, for tests to hold up."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy.orm import Session

import webapp.runtime
from tests.support.engine import simulated_inventory
from tests.support.simulators import Simulator
from webapp.audit.operations import PLATFORM, record
from webapp.cli import main as sqlhosting
from webapp.jobs.models import Job
from webapp.jobs.templates import JobTemplate, Launch, SecretFile
from webapp.registry import job_templates

COMMAND = "from tests.webapp.jobs.with_booking import main; main()"
APPLICATION_PASSWORD = "Applications-Secret-1!"


class Book(JobTemplate):
    """Parameters: ``application``, ``instances`` {name: [host, port]}, ``hold`` a file that keeps it claimed
    while it exists, ``plan`` an approved plan or None."""

    name = "test_book"
    description = "Books an application."

    def prepare(self, session: Session, job: Job) -> Launch:
        """The playbook of a real booking."""
        while Path(job.parameters["hold"]).exists():
            time.sleep(0.01)
        where = {
            name: SimpleNamespace(host=at[0], port=at[1]) for name, at in job.parameters["instances"].items()
        }
        inventory, secrets = simulated_inventory(
            cast(Simulator, SimpleNamespace(instances=where)),
            application_password=SecretFile("application"),
        )
        name = job.parameters["application"]
        database = {"name": "orders", "data_limit": "1GiB", "log_limit": "512MiB"}
        variables: dict[str, Any] = {"application_name": name, "application_databases": [database]}
        return Launch(
            "playbooks/book_application.yml",
            inventory,
            variables=variables,
            secrets={**secrets, "application": APPLICATION_PASSWORD},
            check_mode=job.check_mode,
            approved_plan=job.parameters.get("plan"),
        )

    def finished(self, session: Session, job: Job) -> None:
        """Leave a mark that can be counted."""
        record(session, PLATFORM, f"test:{job.state.value}", object_kind="job", object_id=job.id)


def main() -> None:
    """The command ``sqlhosting`` that knows this template."""
    webapp.runtime.job_templates = lambda: [*job_templates(), Book()]
    sqlhosting()
