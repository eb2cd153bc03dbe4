"""Discover and CheckAccount by the engine: a real ansible-playbook against simulated instances."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.engine import run_job_now
from tests.support.playbooks import PLATFORM_PASSWORD, instance
from tests.support.portal import Client, Portal
from tests.support.ports import unused_port
from tests.support.simulators import Simulator, running_simulator
from webapp.bookings.capacity import pool_capacity
from webapp.jobs.models import Job, JobState
from webapp.pools.listing import collations_of, newest_discovery
from webapp.pools.models import Instance, Pool, Reachability

WEAK = {"name": "weak", "password": PLATFORM_PASSWORD}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Two instances; one of them knows a login without rights too."""
    weak = instance("sql02")
    weak["logins"].append(WEAK)
    topology = {"instances": [instance("sql01"), weak]}
    with running_simulator(topology, folder=tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


@pytest.fixture
def pool(portal: Portal, simulator: Simulator) -> Pool:
    """A pool of both, and of an instance where nothing listens."""
    account = portal.create_account(login_password=PLATFORM_PASSWORD)
    pool = portal.create_pool(name="production", elevated_account_id=account.id)
    for name, one in simulator.instances.items():
        portal.create_instance(pool, name=name, host=one.host, port=one.port)
    portal.create_instance(pool, name="silent", port=unused_port())
    return pool


def named(portal: Portal, name: str) -> Instance:
    """An instance as the database holds it."""
    with portal.database.reading() as session:
        return session.scalars(select(Instance).where(Instance.name == name)).one()


def run_the_job(portal: Portal) -> Job:
    """Run the job that was launched last."""
    with portal.database.reading() as session:
        job_id = session.scalars(select(Job.id).order_by(Job.id.desc()).limit(1)).one()
    return run_job_now(portal.runtime, job_id)


def test_discovering_a_pool_fills_its_pages(
    portal: Portal, operator: Client, pool: Pool, tmp_path: Path
) -> None:
    assert operator.post(f"/pools/{pool.id}/discover").status_code == 302
    job = run_the_job(portal)
    assert job.state is JobState.FAILED  # one instance is silent; the others were looked at all the same
    states = {name: named(portal, name).reachability for name in ("sql01", "sql02", "silent")}
    assert states == {
        "sql01": Reachability.REACHABLE,
        "sql02": Reachability.REACHABLE,
        "silent": Reachability.UNREACHABLE,
    }
    assert "nothing listens" in (named(portal, "silent").last_error or "")
    with portal.database.reading() as session:
        assert len(collations_of(session, pool)) > 10
        capacity = pool_capacity(session, pool)
        assert {one.name for one in capacity.instances} == {"sql01", "sql02"}
        assert (capacity.largest_mib or 0) > 0
        found = newest_discovery(session, named(portal, "sql01").id)
        assert found is not None
        assert found.job_id == job.id
        assert found.facts["version"]["release"]
    page = operator.get(f"/instances/{named(portal, 'sql01').id}").text
    assert "Could not be seen." not in page
    assert "tempdb" in page
    overview = operator.get("/pools").text
    assert "nothing listens" in overview
    assert overview.count('aria-label="Databases 0 of 100"') == 2


def test_an_account_without_rights_is_told_exactly_what_it_lacks(
    portal: Portal, operator: Client, pool: Pool
) -> None:
    weak = portal.create_account(login_user="weak", login_password=PLATFORM_PASSWORD)
    portal.change(named(portal, "sql02"), elevated_account_id=weak.id)
    assert operator.post(f"/pools/{pool.id}/check-account").status_code == 302
    job = run_the_job(portal)
    assert job.state is JobState.FAILED
    explanation = job.job_explanation or ""
    assert "sql02: The account weak lacks CONTROL SERVER, " in explanation
    assert "GRANT CONTROL SERVER TO [weak];" in explanation
    assert "nothing listens" in explanation
    assert "sql01: " not in explanation
    assert "GRANT CONTROL SERVER TO [weak];" in operator.get(f"/jobs/{job.id}").text
    good, bad, silent = (named(portal, name) for name in ("sql01", "sql02", "silent"))
    assert good.account_check["ok"] is True
    assert good.account_check["is_sysadmin"] is True
    assert (bad.account_check["ok"], bad.account_check["login"]) == (False, "weak")
    assert silent.account_check["reachable"] is False
    page = operator.get(f"/instances/{bad.id}").text
    assert bad.account_check["missing"]
    for missing in bad.account_check["missing"]:
        assert missing["right"] in page
        assert missing["remedy"].replace("'", "&#39;") in page
    assert "The account can do its work" in operator.get(f"/instances/{good.id}").text


def test_a_wrong_password_is_said_and_shown_nowhere(portal: Portal, operator: Client, pool: Pool) -> None:
    wrong = portal.create_account(login_password="Wrong-Pl4nted-1!")
    refused = portal.change(named(portal, "sql01"), elevated_account_id=wrong.id)
    assert operator.post(f"/instances/{refused.id}/check-account").status_code == 302
    job = run_the_job(portal)
    assert job.state is JobState.FAILED
    assert "Login failed for user 'platform'" in (job.job_explanation or "")
    page = operator.get(f"/instances/{refused.id}").text
    assert "(error 18456)" in page
    assert "Wrong-Pl4nted-1!" not in page
    assert named(portal, "sql01").reachability is Reachability.UNREACHABLE


def test_remedies_name_the_fields_of_the_forms(portal: Portal, operator: Client, pool: Pool) -> None:
    account = portal.create_account(login_password="Wrong-Pl4nted-1!")
    portal.change(named(portal, "sql01"), elevated_account_id=account.id)
    portal.change(named(portal, "sql02"), trust_server_certificate=False)
    assert operator.post(f"/pools/{pool.id}/check-account").status_code == 302
    job = run_the_job(portal)
    wanted = {
        "sql01": "Check “Login” and “Password” of the elevated account.",
        "sql02": "tick “Trust any certificate” of the instance",
        "silent": "Check “Address”, “Port” or “Instance name” of the instance",
    }
    for name, remedy in wanted.items():
        texts = (
            named(portal, name).account_check["error"],
            named(portal, name).last_error or "",
            job.job_explanation or "",
            operator.get(f"/instances/{named(portal, name).id}").text,
        )
        for text in texts:
            assert remedy in text
            assert not re.search(r"\blogin_(host|port|user|password|instance|database)\b", text)
            assert "trust_server_certificate:" not in text
