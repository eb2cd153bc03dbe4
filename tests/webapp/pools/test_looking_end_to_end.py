"""Discover and CheckAccount by the engine: a real ansible-playbook against simulated instances."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.engine import job_of, run_job_now, wait_until
from tests.support.playbooks import PLATFORM_PASSWORD, instance
from tests.support.portal import Client, Portal
from tests.support.ports import unused_port
from tests.support.simulators import Simulator, running_simulator
from tests.webapp.pools.found import facts
from webapp.bookings.capacity import pool_capacity
from webapp.jobs.claim import claim
from webapp.jobs.models import Job, JobEvent, JobState
from webapp.jobs.private_folder import create_folder
from webapp.jobs.reconcile import harvest
from webapp.jobs.templates import Launch
from webapp.pools.listing import collations_of, newest_discovery
from webapp.pools.models import Discovery, Instance, Pool, Reachability

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


def discoveries_of(portal: Portal, job_id: str) -> list[str]:
    """The names of the instances that the job found something of."""
    query = select(Instance.name).join(Discovery, Discovery.instance_id == Instance.id)
    with portal.database.reading() as session:
        return list(session.scalars(query.where(Discovery.job_id == job_id).order_by(Instance.name)))


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


def test_twelve_instances_are_asked_in_one_task_and_the_dead_one_is_marked(
    portal: Portal, operator: Client, simulator: Simulator
) -> None:
    account = portal.create_account(login_password=PLATFORM_PASSWORD)
    pool = portal.create_pool(name="wide", elevated_account_id=account.id)
    real = [*simulator.instances.values()]
    names = [f"wide{number:02d}" for number in range(12)]
    dead = names[5]
    for number, name in enumerate(names):  # the same two behind many names: what counts is who is asked
        one = real[number % len(real)]
        portal.create_instance(
            pool, name=name, host=one.host, port=unused_port() if name == dead else one.port
        )
    operator.post(f"/pools/{pool.id}/discover")
    job = run_the_job(portal)
    assert job.state is JobState.FAILED
    assert "nothing listens" in (job.job_explanation or "")
    with portal.database.reading() as session:
        looked = list(session.scalars(select(Discovery.instance_id).where(Discovery.job_id == job.id)))
        events = list(session.scalars(select(JobEvent).where(JobEvent.job_id == job.id)))
    states = {name: named(portal, name).reachability for name in names}
    assert sorted(looked) == sorted(named(portal, name).id for name in names if name != dead)
    assert {name for name, state in states.items() if state is Reachability.UNREACHABLE} == {dead}
    assert {state for name, state in states.items() if name != dead} == {Reachability.REACHABLE}
    # No task and no process for each of them: only the dead one had its own.
    real_results = [one for one in events if one.event.startswith("runner_on") and one.counter]
    assert {one.host for one in real_results if one.is_failed} == {dead}
    assert {one.host for one in real_results} == {names[0], dead}
    tasks = operator.get(f"/jobs/{job.id}/tasks").text
    for name in names:
        assert f"<code>{name}</code>" in tasks
    assert tasks.count("SQL Server 20") == 11
    assert "nothing listens" in tasks
    details = operator.get(f"/jobs/{job.id}/details").text
    assert all(f"<code>{name}</code>" in details for name in names)
    assert not list(portal.runtime.settings.jobs_folder.iterdir())


def test_a_discovery_that_is_killed_keeps_what_was_found_and_looks_again(
    portal: Portal, operator: Client, pool: Pool, simulator: Simulator
) -> None:
    operator.post(f"/pools/{pool.id}/discover")
    with portal.database.reading() as session:
        job_id = session.scalars(select(Job.id).order_by(Job.id.desc()).limit(1)).one()
    fault = simulator.control.add_fault("sql02", kind="hold", pattern="sys.databases", times=1)
    runner = threading.Thread(target=run_job_now, args=(portal.runtime, job_id))
    runner.start()
    simulator.control.wait_held(fault, timeout=60)
    # What is found is stored while others are still being asked.
    wait_until(lambda: discoveries_of(portal, job_id) == ["sql01"], "the first answer was stored")
    assert named(portal, "sql01").reachability is Reachability.REACHABLE
    os.kill(wait_until(lambda: job_of(portal.runtime, job_id).session_pid, "its pid"), signal.SIGKILL)
    runner.join(60)
    simulator.control.remove_fault(fault)
    assert job_of(portal.runtime, job_id).state is JobState.PENDING
    assert discoveries_of(portal, job_id) == ["sql01"]
    job = run_job_now(portal.runtime, job_id)
    assert (job.state, job.attempt) == (JobState.FAILED, 2)  # the silent one
    assert discoveries_of(portal, job_id) == ["sql01", "sql02"]


def test_what_a_dead_worker_left_is_stored_once(portal: Portal, operator: Client, pool: Pool) -> None:
    operator.post(f"/pools/{pool.id}/discover")
    with portal.database.reading() as session:
        job_id = session.scalars(select(Job.id).order_by(Job.id.desc()).limit(1)).one()
    settings, runtime = portal.runtime.settings, portal.runtime
    claimed = claim(portal.database, settings, job_id, worker="a worker that dies")
    assert claimed is not None
    folder = create_folder(
        settings, Launch("playbooks/discover.yml", {}), job_id=job_id, attempt=1,
        lease_until=claimed.lease_until,
    )  # fmt: skip
    good = {"instance": facts(), "failed": False, "summary": "sql01: seen."}
    bad = {"failed": True, "msg": "nothing listens", "summary": "nothing listens"}
    lines = [{"host": "sql01", "result": good}, {"host": "silent", "result": bad}, {"host": 7}, [], "torn"]
    folder.answers.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"host": "sql02", "res')
    for _ in range(2):
        harvest(runtime, claimed, folder, template=runtime.templates["discover"])
    folder.remove()
    assert discoveries_of(portal, job_id) == ["sql01"]
    assert named(portal, "silent").last_error == "nothing listens"
    with portal.database.reading() as session:
        shown = session.scalars(select(JobEvent).where(JobEvent.job_id == job_id).order_by(JobEvent.stream))
        assert [(one.host, one.message) for one in shown] == [(None, None), ("sql01", "sql01: seen.")]


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
