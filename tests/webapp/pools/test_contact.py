"""What any run meets on an instance is that instance's state from then on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.portal import Portal
from tests.webapp.pools.conftest import Looks
from webapp.jobs.models import Job
from webapp.pools.contact import OnInstances, contact_in
from webapp.pools.models import Instance, Reachability
from webapp.registry import job_templates

DATABASE = "sqlhosting.mssql.mssql_database"


def told(kind: str, action: str = DATABASE, **result: Any) -> dict[str, Any]:
    """An event of a task on sql01."""
    return {"event": kind, "event_data": {"host": "sql01", "task_action": action, "res": result}}


def error(kind: str, sqlstate: str | None = None) -> dict[str, Any]:
    """What a module returns that failed."""
    return {"msg": f"{kind}!", "error": {"kind": kind, "sqlstate": sqlstate}}


@pytest.mark.parametrize(
    ("event", "contact"),
    [
        (told("runner_on_ok"), ""),
        (told("runner_on_ok", skipped=True), None),
        (told("runner_on_ok", "ansible.builtin.assert"), None),
        (told("runner_on_ok", "sqlhosting.mssql.mssql_fleet"), None),
        (told("runner_on_start"), None),
        (told("runner_on_failed", **error("ConnectionFailed")), "ConnectionFailed!"),
        (told("runner_on_failed", **error("LoginFailed")), "LoginFailed!"),
        (told("runner_on_failed", **error("CertificateNotTrusted")), "CertificateNotTrusted!"),
        (told("runner_item_on_failed", **error("ConnectionFailed")), "ConnectionFailed!"),
        (
            told("runner_on_failed", msg="One or more items failed", results=[{}, error("LoginFailed")]),
            "LoginFailed!",
        ),
        (told("runner_on_ok", **error("ConnectionFailed")), "ConnectionFailed!"),  # failed_when: false
        (told("runner_on_ok", **error("PermissionDenied")), None),
        (told("runner_on_failed", **error("ConnectionLost", "08S01")), "ConnectionLost!"),
        (told("runner_on_failed", **error("OutcomeUnknown", "08S01")), "OutcomeUnknown!"),
        (told("runner_on_failed", **error("OutcomeUnknown", "HYT00")), None),
        (told("runner_on_failed", **error("OutOfSpace")), None),
        (told("runner_on_failed", msg="no more is known"), None),
        ({"event": "verbose"}, None),
    ],
)
def test_what_an_event_tells_of_its_instance(event: dict[str, Any], contact: str | None) -> None:
    assert contact_in(event) == contact


@pytest.mark.parametrize("template", job_templates(), ids=lambda one: one.name)
def test_every_job_that_works_on_instances_tells_it(template: Any) -> None:
    assert isinstance(template, OnInstances)
    assert type(template).observe is OnInstances.observe


def test_a_measurement_loses_an_instance_and_finds_it_again(portal: Portal, looks: Looks) -> None:
    instance = portal.create_instance(portal.create_pool(), name="sql01")
    quota = "sqlhosting.mssql.mssql_quota"

    def state() -> tuple[Reachability, str | None]:
        with portal.database.reading() as session:
            row = session.get_one(Instance, instance.id)
            return row.reachability, row.last_error

    job: Job = looks.create_job("check_quota")
    looks.observe(job, told("runner_on_failed", quota, **error("ConnectionFailed")))
    assert state() == (Reachability.UNREACHABLE, "ConnectionFailed!")
    looks.observe(job, told("runner_on_ok", quota, databases=[]))
    assert state() == (Reachability.REACHABLE, None)
