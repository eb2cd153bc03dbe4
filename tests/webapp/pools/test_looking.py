"""Discover and CheckAccount: what they run, and what they keep of its events."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from tests.support.portal import Portal
from tests.webapp.pools.conftest import Looks
from tests.webapp.pools.found import checked, discovered, event, facts, unanswered
from webapp.jobs.models import Job
from webapp.jobs.templates import ANSWERS, NotLaunchable, SecretFile
from webapp.pools.discoveries import KEPT
from webapp.pools.listing import newest_discovery
from webapp.pools.models import Discovery, Instance, Reachability


def stored(portal: Portal, instance: Instance) -> Instance:
    """The instance as the database holds it."""
    with portal.database.reading() as session:
        return session.get_one(Instance, instance.id)


def test_an_instance_that_answers_is_reachable_and_its_facts_are_kept(portal: Portal, looks: Looks) -> None:
    instance = portal.create_instance(last_error="it was down", reachability=Reachability.UNREACHABLE)
    unknown = [{"what": "memory", "reason": "no right", "missing_right": "VIEW SERVER STATE"}]
    job = looks.discover(instance, discovered(instance.name, facts(), unknown=unknown))
    now = stored(portal, instance)
    assert (now.reachability, now.last_error) == (Reachability.REACHABLE, None)
    assert now.last_seen_at is not None
    with portal.database.reading() as session:
        found = newest_discovery(session, instance.id)
        assert found is not None
        assert found.job_id == job.id
        assert found.facts["unknown"] == unknown
        assert found.facts["version"]["release"] == "2022"
        assert found.summary["databases"] == 1


def test_an_instance_that_does_not_answer_is_unreachable_with_the_reason(
    portal: Portal, looks: Looks
) -> None:
    instance = portal.create_instance()
    looks.discover(instance, discovered(instance.name, facts()))
    seen_at = stored(portal, instance).last_seen_at
    looks.discover(instance, unanswered(instance.name, "nothing listens\0 on port 1433 " + "ü" * 5000))
    now = stored(portal, instance)
    assert now.reachability is Reachability.UNREACHABLE
    assert now.last_error is not None
    assert now.last_error.startswith("nothing listens on port 1433")
    assert len(now.last_error) == 2000
    assert now.last_seen_at == seen_at
    with portal.database.reading() as session:
        assert newest_discovery(session, instance.id) is not None


def test_a_pool_is_looked_at_host_by_host(portal: Portal, looks: Looks) -> None:
    pool = portal.create_pool()
    up, down, other = (
        portal.create_instance(pool if name != "other" else None, name=name)
        for name in ("up", "down", "other")
    )
    job = looks.create_job("discover", pool_id=pool.id)
    looks.observe(
        job,
        discovered("up", facts()),
        unanswered("down", "no"),
        discovered("other", facts()),  # not of this pool
        discovered("nobody", facts()),
        event("runner_on_failed", "up", "ansible.builtin.assert", {"msg": "another task's"}),
        event("runner_on_start", "down", "sqlhosting.mssql.mssql_discover", {}),
        {"event": "verbose"},
    )
    states = {one.name: stored(portal, one).reachability.value for one in (up, down, other)}
    assert states == {"up": "reachable", "down": "unreachable", "other": "unknown"}


def test_a_job_that_looks_again_after_its_worker_died_keeps_one_discovery(
    portal: Portal, looks: Looks
) -> None:
    instance = portal.create_instance()
    job = looks.create_job("discover", instance_id=instance.id)
    looks.observe(job, discovered(instance.name, facts()), discovered(instance.name, facts(databases=[])))
    with portal.database.reading() as session:
        rows = list(session.scalars(select(Discovery)))
        assert [row.facts["databases"] for row in rows] == [[]]


def test_the_newest_fifty_are_kept_with_what_changed(portal: Portal, looks: Looks) -> None:
    instance = portal.create_instance()
    with portal.database.transaction() as session:  # ids in order, as they are when time passes
        for number in range(KEPT):
            session.add(
                Discovery(id=f"{number:026d}", instance_id=instance.id, summary={}, facts=facts(databases=[]))
            )
    looks.discover(instance, discovered(instance.name, facts()))
    with portal.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Discovery)) == KEPT
        assert session.get(Discovery, f"{0:026d}") is None
        newest = newest_discovery(session, instance.id)
        assert newest is not None
        assert newest.changes is not None
        assert {(one["name"], one["after"]) for one in newest.changes} == {
            ("master", "added"),
            ("shop_orders", "added"),
        }


def test_names_of_collations_are_kept_once_and_survive_a_look_that_left_them_out(
    portal: Portal, looks: Looks
) -> None:
    instance = portal.create_instance()
    first = looks.discover(instance, discovered(instance.name, facts()))
    left_out = facts(collations={"count": 3})
    looks.discover(instance, discovered(instance.name, left_out, omitted=["collations.names: too many"]))
    with portal.database.reading() as session:
        newest = newest_discovery(session, instance.id)
        assert newest is not None
        assert len(newest.facts["collations"]["names"]) == 3
        older = session.scalars(select(Discovery).where(Discovery.job_id == first.id)).one()
        assert older.facts["collations"] == {"count": 3}


def test_the_account_check_is_kept_with_what_is_missing(portal: Portal, looks: Looks) -> None:
    instance = portal.create_instance()
    missing = [
        {"right": "ALTER ANY LOGIN", "why": "creates logins", "remedy": "GRANT ALTER ANY LOGIN TO [p];"}
    ]
    job = looks.create_job("check_account", instance_id=instance.id)
    looks.observe(job, checked(instance.name, ok=False, missing=missing))
    now = stored(portal, instance)
    assert now.account_check["missing"] == missing
    assert now.account_checked_at is not None
    assert now.reachability is Reachability.REACHABLE


@pytest.mark.parametrize(
    "account",
    [
        {"ok": False, "reachable": False, "error": "nothing listens on port 1"},
        {"ok": False, "reachable": True, "error": "Login failed for user 'platform'", "error_number": 18456},
    ],
)
def test_an_instance_that_does_not_let_the_account_in_counts_as_unreachable(
    portal: Portal, looks: Looks, account: dict[str, object]
) -> None:
    instance = portal.create_instance()
    looks.observe(
        looks.create_job("check_account", instance_id=instance.id), checked(instance.name, **account)
    )
    now = stored(portal, instance)
    assert (now.reachability, now.last_error) == (Reachability.UNREACHABLE, account["error"])


def test_a_run_gets_all_instances_of_the_pool_and_passwords_as_files_only(
    portal: Portal, looks: Looks
) -> None:
    account = portal.create_account(login_user="own", login_password="Its-own-9!")
    pool = portal.create_pool(name="production", largest_data_gib=7)
    portal.create_instance(pool, name="one", port=None, instance_name="BETA", customer_port=15001)
    portal.create_instance(pool, name="two", elevated_account_id=account.id, is_open=False)
    portal.create_instance(name="elsewhere")
    job = looks.create_job("discover", pool_id=pool.id)
    with portal.database.reading() as session:
        launch = portal.runtime.templates["discover"].prepare(session, session.get_one(Job, job.id))
    group = launch.inventory["all"]["children"]["production"]
    assert list(launch.inventory["all"]["children"]) == ["production"]
    assert sorted(group["hosts"]) == ["one", "two"]
    assert group["vars"]["pool_largest_data_limit"] == "7GiB"
    assert group["hosts"]["one"]["sqlhosting_connection"] == {
        "login_host": "127.0.0.1",
        "login_instance": "BETA",
        "login_user": "platform",
        "login_password": SecretFile(f"account_{pool.elevated_account_id}"),
        "trust_server_certificate": True,
    }
    assert group["hosts"]["one"]["instance_customer_port"] == 15001
    assert launch.secrets == {
        f"account_{pool.elevated_account_id}": "Plat-form-1!",
        f"account_{account.id}": "Its-own-9!",
    }
    assert "Plat-form-1!" not in repr(launch.inventory)
    assert launch.variables == {
        "instance_gather_subset": ["all"],
        "instance_hand_over": False,
        "instance_results_file": ANSWERS,
        "instance_answers": "failed",
    }


def test_a_run_about_an_instance_that_is_gone_is_not_launched(portal: Portal, looks: Looks) -> None:
    instance = portal.create_instance()
    job = looks.create_job("check_account", instance_id=instance.id)
    with portal.database.transaction() as session:
        session.delete(session.get_one(Instance, instance.id))
    with portal.database.reading() as session, pytest.raises(NotLaunchable, match="not there any more"):
        portal.runtime.templates["check_account"].prepare(session, session.get_one(Job, job.id))


def test_a_host_that_was_renamed_meanwhile_is_left_alone(portal: Portal, looks: Looks) -> None:
    instance = portal.create_instance(name="before")
    job = looks.create_job("discover", instance_id=instance.id)
    with portal.database.transaction() as session:
        session.execute(update(Instance).values(name="after"))
    looks.observe(job, unanswered("before", "no"))
    assert stored(portal, instance).reachability is Reachability.UNKNOWN
