"""A plan over two instances, items on both: what is approved is the set, and every item with its target."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from tests.webapp.approvals.conftest import Story, line
from webapp.approvals.signature import is_sealed, sign_plan
from webapp.audit.operations import PLATFORM
from webapp.bookings.items import ItemKind, items_hash, use_item_kinds
from webapp.bookings.models import BookingState
from webapp.bookings.planning import set_targets
from webapp.bookings.plans import Plan, PlanItem, PlanState, PlanTarget
from webapp.bookings.statement_items import StatementItems
from webapp.errors import Conflict
from webapp.jobs.claim import claim
from webapp.jobs.models import Job, JobState, JobTarget
from webapp.jobs.operations import launch, waiting_for
from webapp.jobs.templates import Launch, NotLaunchable
from webapp.pools.models import Instance, Pool
from webapp.pools.operations import remove_instance
from webapp.registry import item_kinds
from webapp.signed_rows import sign
from webapp.statements.plan import plan_hash

SECOND_ADDRESS = "127.0.0.1,1434"


class Pair:
    """A story with two instances, and plans for both at once: what no playbook of today makes."""

    def __init__(self, story: Story, second_pool: Pool | None = None) -> None:
        self.story = story
        self.second: Instance = story.portal.create_instance(second_pool or story.pool, name="sql02")

    def lines(self) -> list[dict[str, Any]]:
        """Three statements on the first instance, then one on the second, then one more on each."""
        second = {"inventory_host": "sql02", "instance": SECOND_ADDRESS}
        return [
            *self.story.lines(),
            line("login/create", "CREATE LOGIN [shop_app] WITH PASSWORD = N'$(password_of_shop_app)'",
                 secrets=["password_of_shop_app"], creates="login:shop_app", **second),
            line("login/disable", "ALTER LOGIN [shop_app] DISABLE", inventory_host="sql01"),
            line("login/disable", "ALTER LOGIN [shop_app] DISABLE", **second),
        ]  # fmt: skip

    def planned(self, lines: list[dict[str, Any]] | None = None) -> Plan:
        """A request that is bound to both instances before its planning job runs."""
        booking = self.story.book()
        with self.story.portal.database.transaction() as session:
            plan = session.get_one(Plan, self.story.plan(booking).id)
            set_targets(
                plan, [session.get_one(Instance, one.id) for one in (self.story.instance, self.second)]
            )
        return self.story.run_planning(booking, self.lines() if lines is None else lines)

    def approved(self) -> Plan:
        plan = self.planned()
        self.story.decide(plan, self.story.admin)
        return self.story.plan(plan.booking)

    def job(self, plan: Plan) -> Job:
        return self.story.job(self.story.booking(plan.booking_id).job_id)


@pytest.fixture
def pair(story: Story) -> Pair:
    """The stage of a test."""
    return Pair(story)


def test_items_keep_one_order_over_all_targets_and_name_theirs(pair: Pair) -> None:
    plan = pair.planned()
    assert plan.state is PlanState.READY
    assert [(one.kind, one.target_id, one.name) for one in plan.targets] == [
        ("instance", pair.story.instance.id, "sql01"),
        ("instance", pair.second.id, "sql02"),
    ]
    assert [one.target for one in plan.items] == [0, 0, 0, 1, 0, 1]
    assert plan.launch is not None
    assert set(plan.launch["targets"]) == {f"instance:{one.target_id}" for one in plan.targets}
    checks = {check["name"]: check for check in plan.checks or []}
    assert checks["These instances"]["is_passed"]
    assert checks["These instances"]["text"] == (
        f"Every statement is for sql01 (127.0.0.1,1433) or sql02 ({SECOND_ADDRESS})."
    )
    assert [one["text"] for one in plan.checks or [] if one["name"] == "Platform's login"] == [
        f"The platform's login on {name} was not checked yet (instance page)." for name in ("sql01", "sql02")
    ]


@pytest.mark.parametrize(
    "stray",
    [{"inventory_host": "sql03"}, {"inventory_host": "sql02"}],
    ids=["another host", "another address"],
)
def test_a_plan_with_a_statement_for_another_instance_fails(pair: Pair, stray: dict[str, Any]) -> None:
    plan = pair.planned([*pair.lines(), line("login/create", "CREATE LOGIN [x]", **stray)])
    assert plan.state is PlanState.FAILED
    assert "There are statements for others than sql01 and sql02" in (plan.failure or "")


def test_the_page_shows_the_items_by_target(pair: Pair) -> None:
    plan = pair.planned()
    page = pair.story.client(pair.story.admin).get(f"/approvals/{plan.id}").text
    hosts = re.findall(r'(?s)<h3 class="plan-host">.*?(sql0\d)</h3>', page)
    assert hosts == ["sql01", "sql02", "sql01", "sql02"]  # their order is the order of the run
    shown = re.findall(
        r'(?s)(?:plan-host">.*?(sql0\d)</h3>)|(?:<li class="plan-statement" id="s(\d)">)', page
    )
    assert [host or number for host, number in shown] == [
        "sql01", "1", "2", "3", "sql02", "4", "sql01", "5", "sql02", "6",
    ]  # fmt: skip
    assert "6 statements on sql01, sql02" in page
    assert "You approve exactly these statements on sql01 and sql02" in page
    assert "sql01, sql02" in pair.story.client(pair.story.admin).get("/approvals").text
    script = pair.story.client(pair.story.admin).get(f"/approvals/{plan.id}/plan.sql").text
    assert script.count("-- on sql02 (127.0.0.1,1434)") == 2


def test_both_targets_are_locked_and_named_by_the_job(pair: Pair) -> None:
    plan = pair.approved()
    job = pair.job(plan)
    both = [pair.story.instance.id, pair.second.id]
    application = plan.booking.application_id
    assert job.targets == sorted([f"application:{application}", *(f"instance:{one}" for one in both)])
    assert [one for one in job.subjects if one.startswith("instance:")] == [f"instance:{one}" for one in both]
    operator = pair.story.client(pair.story.operator)
    for one in both:
        assert job.title in operator.get(f"/jobs?instance={one}").text
        assert job.id in operator.get(f"/instances/{one}").text
    page = operator.get(f"/jobs/{job.id}").text
    assert f'href="/instances/{both[0]}"' in page
    assert f'href="/instances/{both[1]}"' in page


@pytest.mark.parametrize("which", [0, 1])
def test_a_job_for_either_instance_waits_for_the_other(pair: Pair, which: int) -> None:
    job, database = pair.job(pair.approved()), pair.story.portal.database
    wanted = f"instance:{(pair.story.instance, pair.second)[which].id}"
    with database.transaction() as session:
        other = launch(
            session, template="discover", title="Other", parameters={}, targets=[wanted], launched_by=PLATFORM
        )
    settings = pair.story.portal.settings
    assert claim(database, settings, other.id, worker="two") is None  # the older one goes first
    assert claim(database, settings, job.id, worker="one") is not None
    assert claim(database, settings, other.id, worker="two") is None
    with database.reading() as session:
        waits = session.get_one(Job, other.id)
        assert waits.state is JobState.WAITING
        assert [(target, first.id) for target, first in waiting_for(session, waits)] == [(wanted, job.id)]


def test_what_was_approved_runs_on_both(pair: Pair) -> None:
    plan = pair.approved()
    started = pair.story.engine.claim(pair.job(plan).id)
    assert isinstance(started, Launch), started
    assert sorted(started.inventory["all"]["children"][pair.story.pool.name]["hosts"]) == ["sql01", "sql02"]
    assert started.approved_plan is not None
    assert [one["instance"] for one in started.approved_plan["statements"]] == [
        one.instance for one in plan.items
    ]
    assert started.approved_plan["hash"] == plan.hash


def _swapped(session: Session, plan: Plan, pair: Pair) -> None:
    for position, to in ((0, 7), (1, 0), (7, 1)):
        where = (PlanTarget.plan_id == plan.id, PlanTarget.position == position)
        session.execute(update(PlanTarget).where(*where).values(position=to))


def _other_target(session: Session, plan: Plan, pair: Pair) -> None:
    other = Instance(
        pool_id=pair.story.pool.id,
        name="sql99",
        host="127.0.0.1",
        port=1435,
        customer_host="x",
        customer_port=1,
    )
    session.add(other)
    sign(session, other)
    session.execute(update(PlanTarget).where(*_second_of(plan)).values(target_id=other.id))


def _second_of(plan: Plan) -> tuple[Any, ...]:
    return PlanTarget.plan_id == plan.id, PlanTarget.position == 1


def _moved_item(session: Session, plan: Plan, pair: Pair) -> None:
    where = (PlanItem.plan_id == plan.id, PlanItem.position == 5)
    session.execute(update(PlanItem).where(*where).values(target=0, inventory_host="sql01"))


def _row(**values: Any) -> Callable[[Session, Plan, Pair], Any]:
    return lambda session, plan, pair: session.execute(
        update(Instance).where(Instance.id == pair.second.id).values(**values)
    )


def _signed_row(session: Session, plan: Plan, pair: Pair) -> None:
    """What an admin may do in the portal: the approval does not cover it all the same."""
    instance = session.get_one(Instance, pair.second.id)
    instance.host = "203.0.113.9"
    sign(session, instance)


CHANGES: dict[str, tuple[Callable[[Session, Plan, Pair], Any], str]] = {
    "the second instance's address": (
        _row(host="203.0.113.9"),
        "the instance sql02 was changed in the platform",
    ),
    "its address, in the portal": (
        _signed_row,
        "sql02: the instance's address was 127.0.0.1 and is 203.0.113.9",
    ),
    "where customers connect": (_row(customer_host="x"), "the instance sql02 was changed"),
    "its name": (_row(name="sql98"), "sql02: the instance's name was sql02 and is sql98"),
    "the targets' order": (_swapped, "which is not its target"),
    "another second target": (_other_target, "not as the platform made it"),
    "no second target": (
        lambda session, plan, pair: session.execute(delete(PlanTarget).where(*_second_of(plan))),
        "the instance sql02 is not a target any more",
    ),
    "an item moved to the other target": (_moved_item, "not as the platform made it"),
    "the second lock": (
        lambda session, plan, pair: session.execute(
            delete(JobTarget).where(JobTarget.target_id == pair.second.id)
        ),
        "the job does not lock its instance sql02",
    ),
}


def test_nothing_starts_when_one_of_the_targets_was_changed(pair: Pair) -> None:
    plan = pair.approved()
    job_id = pair.job(plan).id
    gate = pair.story.portal.runtime.templates["apply_booking"]
    wrong = {}
    for what, (change, expected) in CHANGES.items():
        with pair.story.portal.database.session(writes=True) as session:  # rolled back
            change(session, plan, pair)
            session.flush()
            session.expire_all()
            try:
                gate.prepare(session, session.get_one(Job, job_id))
                wrong[what] = "it was let through"
            except NotLaunchable as refused:
                if expected not in str(refused):
                    wrong[what] = str(refused)
    assert wrong == {}


def test_a_target_that_is_gone_is_named(pair: Pair) -> None:
    plan = pair.approved()
    with pair.story.portal.database.transaction() as session:
        session.execute(delete(Instance).where(Instance.id == pair.second.id))
    refused = pair.story.engine.claim(pair.job(plan).id)
    assert isinstance(refused, NotLaunchable)
    assert "its instance sql02 is not there any more" in str(refused)
    assert pair.story.booking(plan.booking_id).state is BookingState.FAILED


def test_an_instance_stays_while_a_plan_for_it_waits(pair: Pair) -> None:
    pair.planned()
    with (
        pair.story.portal.database.session(writes=True) as session,
        pytest.raises(Conflict, match="a request waits that is planned for it"),
    ):
        remove_instance(session, PLATFORM, session.get_one(Instance, pair.second.id))


def test_with_two_pools_both_policies_have_to_be_satisfied(story: Story) -> None:
    pool = story.portal.create_pool()
    pair = Pair(story, pool)
    story.policy(name="ours", pool_id=story.pool.id, approvals=0, plan_hours=10)
    story.policy(name="theirs", pool_id=pool.id, approvals=2, approver_roles=["admin"], plan_hours=50)
    plan = pair.planned()
    assert plan.state is PlanState.READY  # the first alone would have approved it at once
    assert plan.policy is not None
    assert (plan.policy["name"], plan.policy["approvals"]) == ("ours and theirs", 2)
    assert (plan.policy["approver_roles"], plan.policy["plan_hours"]) == (["admin"], 10)


class Tasks(ItemKind):
    """Another sort of item, as a room of servers might bring it."""

    name = "task"
    nouns = ("task", "tasks")
    shown = ("inventory_host",)

    def document(self, item: PlanItem) -> list[Any]:
        return ["task", item.instance, item.text]

    def problems(self, item: PlanItem) -> list[str]:
        fits = hashlib.sha256(item.text.encode()).hexdigest() == item.sha256
        return [] if fits else [f"task {item.position + 1} was changed"]


@pytest.fixture
def with_tasks(story: Story) -> Iterator[None]:
    """The platform knows tasks."""
    use_item_kinds([StatementItems(), Tasks()])
    yield
    use_item_kinds(item_kinds())


@pytest.mark.usefixtures("with_tasks")
def test_gate_signatures_and_decisions_care_for_no_kind_of_item(pair: Pair) -> None:
    plan, text = pair.planned(), "Install the package sql-tools"
    database = pair.story.portal.database
    with database.transaction() as session:
        row = session.get_one(Plan, plan.id)
        row.items.append(
            PlanItem(
                position=6, kind="task", target=1, instance="sql02", inventory_host="sql02", database="",
                template="packages", text=text, sha256=hashlib.sha256(text.encode()).hexdigest(),
            )
        )  # fmt: skip
        row.hash = items_hash(row.items)
        session.flush()
        row.seal = sign_plan(row)
    page = pair.story.client(pair.story.admin).get(f"/approvals/{plan.id}").text
    assert "Approve 6 statements and 1 task" in page
    assert text in page
    assert "Do not trust" not in page
    pair.story.decide(pair.story.plan(plan.booking), pair.story.admin)
    job_id = pair.job(plan).id
    gate = pair.story.portal.runtime.templates["apply_booking"]
    for values, expected in (
        ({"text": "Remove everything"}, "task 7 was changed"),
        ({"target": 0}, "task 7 is for sql02, which is not its target"),
        ({"kind": "statement"}, "not those that the plan's hash was made of"),
    ):
        with database.session(writes=True) as session:  # rolled back
            where = select(PlanItem.id).where(PlanItem.plan_id == plan.id, PlanItem.position == 6)
            session.execute(update(PlanItem).where(PlanItem.id.in_(where)).values(**values))
            with pytest.raises(NotLaunchable, match=expected):
                gate.prepare(session, session.get_one(Job, job_id))
    started = pair.story.engine.claim(job_id)
    assert isinstance(started, Launch), started
    assert started.approved_plan is not None
    statements = started.approved_plan["statements"]
    assert len(statements) == 6  # the modules are given what is theirs, with a hash of its own
    assert started.approved_plan["hash"] == plan_hash(statements)
    with database.reading() as session:
        assert is_sealed(session.get_one(Plan, plan.id))
