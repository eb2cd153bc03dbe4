"""The gate in the worker: whatever is changed in the platform database after the approval, nothing starts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from tests.support.portal import KEY
from tests.webapp.approvals.conftest import Story, failed, line
from webapp.accounts.models import PortalRole, User, UserState
from webapp.applications.models import Application, ApplicationLogin
from webapp.approvals.item_rows import approved_plan
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.plans import Decision, DecisionKind, Plan, PlanItem, PlanState, PlanTarget
from webapp.database import new_id, now
from webapp.jobs.models import Job, JobState, JobSubject, JobTarget
from webapp.jobs.subjects import is_about, references
from webapp.jobs.templates import Launch, NotLaunchable
from webapp.pools.models import ElevatedAccount, Instance, Pool
from webapp.sealing import Box, use_box
from webapp.signed_rows import sign
from webapp.statements.plan import plan_hash

Change = Callable[[Session, Plan, Story], Any]


def _plan(**values: Any) -> Change:
    return lambda session, plan, story: session.execute(
        update(Plan).where(Plan.id == plan.id).values(**values)
    )


def _statement(at: int, /, **values: Any) -> Change:
    return lambda session, plan, story: session.execute(
        update(PlanItem).where(PlanItem.plan_id == plan.id, PlanItem.position == at).values(**values)
    )


def _decision(**values: Any) -> Change:
    return lambda session, plan, story: session.execute(
        update(Decision).where(Decision.plan_id == plan.id).values(**values)
    )


def _booking(**values: Any) -> Change:
    return lambda session, plan, story: session.execute(
        update(Booking).where(Booking.id == plan.booking_id).values(**values)
    )


def _instance(**values: Any) -> Change:
    return lambda session, plan, story: session.execute(
        update(Instance).where(Instance.id == story.instance.id).values(**values)
    )


def _job(**values: Any) -> Change:
    return lambda session, plan, story: session.execute(
        update(Job).where(is_about("plan", plan.id), Job.template == "apply_booking").values(**values)
    )


def _applying(plan: Plan) -> Any:
    return select(Job.id).where(is_about("plan", plan.id), Job.template == "apply_booking")


def _job_booking(session: Session, plan: Plan, story: Story) -> None:
    session.execute(
        update(JobSubject)
        .where(JobSubject.job_id.in_(_applying(plan)), JobSubject.kind == "booking")
        .values(subject_id=new_id())
    )


def _job_targets(session: Session, plan: Plan, story: Story) -> None:
    session.execute(delete(JobTarget).where(JobTarget.job_id.in_(_applying(plan))))


def _target(**values: Any) -> Change:
    return lambda session, plan, story: session.execute(
        update(PlanTarget).where(PlanTarget.plan_id == plan.id).values(**values)
    )


def _added_target(session: Session, plan: Plan, story: Story) -> None:
    session.add(
        PlanTarget(
            plan_id=plan.id, position=1, kind="instance", target_id=_second(session, story), name="sql99"
        )
    )


def _launch_host(session: Session, plan: Plan, story: Story) -> None:
    _json("launch", "targets", f"instance:{story.instance.id}", "host", value="evil")(session, plan, story)


def _admin(**values: Any) -> Change:
    return lambda session, plan, story: session.execute(
        update(User).where(User.id == story.admin.id).values(**values)
    )


def _admin_in_the_portal(**values: Any) -> Change:
    """What another admin does with the one who approved."""

    def change(session: Session, plan: Plan, story: Story) -> None:
        admin = session.get_one(User, story.admin.id)
        for name, value in values.items():
            setattr(admin, name, value)
        sign(session, admin)

    return change


def _account(**values: Any) -> Change:
    return lambda session, plan, story: session.execute(
        update(ElevatedAccount).where(ElevatedAccount.id == story.pool.elevated_account_id).values(**values)
    )


def _pool_account(session: Session, plan: Plan, story: Story) -> None:
    other = ElevatedAccount(name="other", login_user="other", login_password="Other-1-word!")
    session.add(other)
    sign(session, other)
    session.execute(update(Pool).where(Pool.id == story.pool.id).values(elevated_account_id=other.id))


def _json(column: str, *path: str, value: Any) -> Change:
    """Change one value inside a plan's JSON column."""

    def change(session: Session, plan: Plan, story: Story) -> None:
        row = session.get_one(Plan, plan.id)
        document = inner = {**getattr(row, column)}
        for key in path[:-1]:
            inner[key] = {**inner[key]}
            inner = inner[key]
        inner[path[-1]] = value
        setattr(row, column, document)

    return change


def _consistent_text(session: Session, plan: Plan, story: Story) -> None:
    """One byte of a text, its sha256 and the plan's hash recomputed: only the signatures can tell."""
    row = session.get_one(Plan, plan.id)
    one = row.items[1]
    one.text = one.text.replace("orders", "0rders")
    one.sha256 = hashlib.sha256(one.text.encode()).hexdigest()
    row.hash = plan_hash(approved_plan(row)["statements"])
    for decision in row.decisions:
        decision.plan_hash = row.hash


def _removed_statement(session: Session, plan: Plan, story: Story) -> None:
    session.execute(delete(PlanItem).where(PlanItem.plan_id == plan.id, PlanItem.position == 2))


def _swapped_statements(session: Session, plan: Plan, story: Story) -> None:
    for position, to in ((0, 100), (1, 0), (100, 1)):
        session.execute(
            update(PlanItem)
            .where(PlanItem.plan_id == plan.id, PlanItem.position == position)
            .values(position=to)
        )


def _added_statement(session: Session, plan: Plan, story: Story) -> None:
    one = plan.items[0]
    session.add(
        PlanItem(
            plan_id=plan.id,
            position=3,
            instance=one.instance,
            inventory_host=one.inventory_host,
            database="master",
            template=one.template,
            sha256=one.sha256,
            text=one.text,
        )
    )


def _deleted_decision(session: Session, plan: Plan, story: Story) -> None:
    session.execute(delete(Decision).where(Decision.plan_id == plan.id))


def _forged_decision(session: Session, plan: Plan, story: Story) -> None:
    """An approval by somebody who never gave one."""
    _deleted_decision(session, plan, story)
    session.add(
        Decision(
            plan_id=plan.id,
            user_id=story.operator.id,
            role="operator",
            kind=DecisionKind.APPROVE,
            at=now(),
            plan_hash=plan.hash or "",
            signature="0" * 64,
        )
    )


def _other_secret(session: Session, plan: Plan, story: Story) -> None:
    sealed = Box([KEY]).seal("Another-Password-1", purpose=f"bookings.secret:{plan.booking_id}")
    _booking(secret_sealed=sealed)(session, plan, story)


def _other_sid(session: Session, plan: Plan, story: Story) -> None:
    session.execute(update(Application).values(owner_sid="0x" + "A" * 32))


def _other_login_name(session: Session, plan: Plan, story: Story) -> None:
    session.execute(update(ApplicationLogin).values(sid="0x" + "B" * 32))


def _other_parameters(session: Session, plan: Plan, story: Story) -> None:
    parameters = session.get_one(Booking, plan.booking_id).parameters
    _booking(parameters={**parameters, "data_limit_mib": 999_999})(session, plan, story)


def _second(session: Session, story: Story) -> str:
    """Another instance of the pool; its id."""
    other = Instance(
        pool_id=story.pool.id,
        name="sql99",
        host="127.0.0.1",
        port=1434,
        customer_host="x",
        customer_port=1,
    )
    session.add(other)
    sign(session, other)
    return other.id


def _other_instance(session: Session, plan: Plan, story: Story) -> None:
    _target(target_id=_second(session, story))(session, plan, story)


def _own_request(session: Session, plan: Plan, story: Story) -> None:
    """The request is made the approver's own afterwards."""
    _booking(requester_id=story.admin.id)(session, plan, story)


HOUR = timedelta(hours=1)
OTHER = Box([KEY]).seal("Other-1-word!")

CHANGES: dict[str, tuple[Change, str]] = {
    "one byte of a text": (
        _statement(1, text="CREATE DATABASE [shop_0rders]"),
        "text of statement 2 was changed",
    ),
    "a text with all hashes made to fit": (_consistent_text, "not as the platform made it"),
    "a statement's sha256": (_statement(0, sha256="0" * 64), "text of statement 1 was changed"),
    "a statement's instance": (_statement(0, instance="evil,1433"), "not those that the plan's hash"),
    "a statement's database": (_statement(0, database="other"), "not those that the plan's hash"),
    "a statement's template": (_statement(0, template="x/y"), "not those that the plan's hash"),
    "a statement's inventory host": (_statement(0, inventory_host="sql02"), "not as the platform made it"),
    "a statement's revision": (_statement(0, template_revision="x"), "not as the platform made it"),
    "a statement's secrets": (_statement(0, secrets=[]), "not as the platform made it"),
    "a statement's task": (_statement(0, task="harmless"), "not as the platform made it"),
    "what a statement creates": (_statement(0, creates="nothing"), "not as the platform made it"),
    "a statement's words": (_statement(0, words="do `nothing`"), "not as the platform made it"),
    "a statement's object": (_statement(0, object="login:other"), "not as the platform made it"),
    "a statement without its words": (_statement(0, words=None, object=None), "not as the platform made it"),
    "a statement less": (_removed_statement, "not those that the plan's hash"),
    "a statement more": (_added_statement, "not those that the plan's hash"),
    "the statements' order": (_swapped_statements, "not those that the plan's hash"),
    "a statement's position": (_statement(2, position=7), "another order"),
    "the plan's hash": (_plan(hash="0" * 64), "not those that the plan's hash"),
    "the plan's number": (_plan(number=9), "not as the platform made it"),
    "the plan's job": (_plan(job_id=new_id()), "not as the platform made it"),
    "the plan's state": (_plan(state=PlanState.READY), "the plan is ready, not approved"),
    "a rejected plan": (_plan(state=PlanState.REJECTED), "the plan is rejected, not approved"),
    "the plan's instance": (_other_instance, "not as the platform made it"),
    "the plan's expiry": (_plan(expires_at=now() + 1000 * HOUR), "not as the platform made it"),
    "the plan's readiness": (_plan(ready_at=now() - 1000 * HOUR), "not as the platform made it"),
    "an expired plan": (_plan(expires_at=now() - HOUR), "the plan has expired"),
    "the plan's checks": (_plan(checks=[]), "not as the platform made it"),
    "the plan's placement": (_json("placement", "instance", value="sql02"), "not as the platform made it"),
    "the plan's seal": (_plan(seal="0" * 64), "not as the platform made it"),
    "no seal": (_plan(seal=None), "not as the platform made it"),
    "the launch's playbook": (_json("launch", "playbook", value="x.yml"), "the playbook was x.yml"),
    "the launch's variables": (
        _json("launch", "variables", "application_name", value="other"),
        "application_name was other",
    ),
    "a variable more": (_json("launch", "variables", "application_purge", value=True), "application_purge"),
    "the launch's instance": (_launch_host, "address was evil"),
    "the target's name": (_target(name="sql02"), "is for sql01, which is not its target"),
    "the target's kind": (_target(kind="application"), "is not there any more"),
    "the target's position": (_target(position=3), "targets were added, removed"),
    "a target more": (_added_target, "not as the platform made it"),
    "no target": (
        lambda session, plan, story: session.execute(delete(PlanTarget).where(PlanTarget.plan_id == plan.id)),
        "the plan names nothing that it is for",
    ),
    "an item's target": (_statement(0, target=1), "which is not its target"),
    "an item's kind": (_statement(0, kind="task"), "of which the platform knows nothing"),
    "the plan's seal version": (_plan(seal_version=1), "not as the platform made it"),
    "a seal version without words": (_plan(seal_version=2), "not as the platform made it"),
    "the launch's password": (_json("launch", "password", "mark", value="0"), "another one"),
    "no launch": (_plan(launch=None), "not as the platform made it"),
    "the policy's approvals": (_json("policy", "approvals", value=0), "not as the platform made it"),
    "the policy's roles": (
        _json("policy", "approver_roles", value=["customer"]),
        "not as the platform made it",
    ),
    "the policy's four eyes": (_json("policy", "four_eyes", value=False), "not as the platform made it"),
    "the policy's name": (_json("policy", "name", value="x"), "not as the platform made it"),
    "a decision's signature": (_decision(signature="0" * 64), "does not fit"),
    "a decision's user": (
        lambda session, plan, story: _decision(user_id=story.operator.id)(session, plan, story),
        "does not fit",
    ),
    "a decision by the platform instead": (_decision(user_id=None, role=None), "does not fit"),
    "a decision's role": (_decision(role="operator"), "does not fit"),
    "a decision's time": (_decision(at=now() + HOUR), "does not fit"),
    "a decision's reason": (_decision(reason="I thought about it"), "does not fit"),
    "a decision's kind": (_decision(kind=DecisionKind.REJECT), "does not fit"),
    "a decision's plan hash": (_decision(plan_hash="0" * 64), "is about another plan"),
    "a decision's id": (_decision(id=new_id()), "does not fit"),
    "no decision": (_deleted_decision, "0 of 1 approvals"),
    "a forged decision": (_forged_decision, "does not fit"),
    "the booking's parameters": (_other_parameters, "application_databases was"),
    "the booking's kind": (
        _booking(kind="delete_application", parameters={"purge": True, "deletion_date": "20260101"}),
        "what is asked for",
    ),
    "the booking's password": (_other_secret, "password that would be set is another one"),
    "no password": (_booking(secret_sealed=None), "password that would be set is gone"),
    "the booking's requester": (_own_request, "who asked for it was"),
    "the booking's plan": (_booking(plan_id=new_id()), "another plan of the request counts"),
    "a canceled booking": (_booking(state=BookingState.CANCELED), "the request is canceled"),
    "a pending booking": (_booking(state=BookingState.PENDING), "the request is pending"),
    "the application's SID": (_other_sid, "application_owner_sid was"),
    "a login's SID": (_other_login_name, "application_login_sid was"),
    "the instance's address": (_instance(host="203.0.113.9"), "address was 127.0.0.1 and is 203.0.113.9"),
    "the instance's port": (_instance(port=1434), "port was 1433 and is 1434"),
    "the instance's name": (_instance(name="sql02"), "name was sql01 and is sql02"),
    "the instance's own name": (_instance(instance_name="X"), "own name behind its address"),
    "the instance's certificate": (
        _instance(trust_server_certificate=False),
        "certificate is trusted unseen",
    ),
    "the job's check mode": (_job(check_mode=True), "the job's row was changed"),
    "the job's booking": (_job_booking, "the job's row was changed"),
    "the job's parameters": (_job(parameters={}), "the job's row was changed"),
    "the job's targets": (_job_targets, "does not lock its instance"),
    "an approver who was disabled": (
        _admin_in_the_portal(state=UserState.DISABLED),
        "no active user any more",
    ),
    "an approver who is a customer now": (
        _admin_in_the_portal(role=PortalRole.CUSTOMER),
        "does not have a role",
    ),
    "an approver's address": (_admin(email="other@example.com"), "was changed in the platform database"),
    "an approver's password": (_admin(password_hash="$argon2id$x"), "was changed in the platform database"),
    "an approver's seal": (_admin(seal="0" * 64), "was changed in the platform database"),
    "the instance's pool's account": (_pool_account, "the platform's login on the instance was"),
    "the account's login": (_account(login_user="other"), "the platform's login on the instance was"),
    "the account's password": (
        _account(login_password_sealed=OTHER),
        "the elevated account",
    ),
    "where customers connect": (_instance(customer_host="203.0.113.9"), "the instance sql01 was changed"),
}


def test_nothing_starts_when_anything_was_changed_after_the_approval(story: Story):
    plan = story.approved()
    job_id = story.booking(plan.booking_id).job_id
    gate = story.portal.runtime.templates["apply_booking"]
    wrong = {}
    for what, (change, expected) in CHANGES.items():
        with story.portal.database.session(
            writes=True
        ) as session:  # rolled back: each starts from what is right
            change(session, plan, story)
            session.flush()
            session.expire_all()
            try:
                gate.prepare(session, session.get_one(Job, job_id))
                wrong[what] = "it was let through"
            except NotLaunchable as refused:
                if expected not in str(refused):
                    wrong[what] = str(refused)
    assert wrong == {}
    assert isinstance(story.engine.claim(job_id), Launch)  # what was not changed is


def test_an_approval_copied_from_another_plan_is_refused(story: Story):
    other = story.approved(name="other").decisions[0]
    plan = story.planned()
    with story.portal.database.transaction() as session:
        row = session.get_one(Plan, plan.id)
        session.add(
            Decision(
                plan_id=plan.id,
                user_id=other.user_id,
                role=other.role,
                kind=other.kind,
                at=other.at,
                plan_hash=row.hash or "",
                signature=other.signature,
            )
        )
        row.state = PlanState.APPROVED
        booking = session.get_one(Booking, plan.booking_id)
        booking.state = BookingState.APPROVED
        job = Job(
            template="apply_booking",
            title="forged",
            parameters={"plan_id": plan.id},
            subjects=references(booking=booking.id, plan=plan.id),
            targets=[f"application:{booking.subject_id}", f"instance:{story.instance.id}"],
        )
        session.add(job)
        session.flush()
        job_id = job.id
    refused = story.engine.claim(job_id)
    assert isinstance(refused, NotLaunchable)
    assert "does not fit: it was forged, copied or changed" in str(refused)


def test_what_was_approved_starts_with_exactly_its_statements(story: Story):
    plan = story.approved()
    launch = story.engine.claim(story.booking(plan.booking_id).job_id)
    assert isinstance(launch, Launch)
    assert launch.approved_plan is not None
    assert [one["text"] for one in launch.approved_plan["statements"]] == [one.text for one in plan.items]
    assert launch.approved_plan["hash"] == plan.hash
    assert launch.variables["application_instance"] == "sql01"
    assert list(launch.inventory["all"]["children"][story.pool.name]["hosts"]) == ["sql01"]
    assert launch.secrets["application_password"] not in str(launch.variables) + str(launch.inventory)
    assert story.booking(plan.booking_id).state is BookingState.RUNNING


def test_a_plan_is_carried_out_once_even_if_its_rows_are_set_back(story: Story):
    plan = story.approved()
    story.deploy(plan)
    with story.portal.database.transaction() as session:
        _plan(state=PlanState.APPROVED)(session, plan, story)
        _booking(state=BookingState.APPROVED)(session, plan, story)
        job = session.get_one(Job, session.get_one(Booking, plan.booking_id).job_id)
        again = Job(
            template="apply_booking",
            title="again",
            parameters=job.parameters,
            targets=job.targets,
            subjects=job.subjects,
        )
        session.add(again)
        session.flush()
        again_id = again.id
    refused = story.engine.claim(again_id)
    assert isinstance(refused, NotLaunchable)
    assert "was carried out already" in str(refused)
    assert "was changed in the platform database" in str(refused)


def test_a_refused_run_fails_the_request_with_words_for_the_customer_and_can_be_planned_again(story: Story):
    plan = story.approved()
    with story.portal.database.transaction() as session:
        _statement(0, text="DROP DATABASE [x]")(session, plan, story)
    job_id = story.booking(plan.booking_id).job_id
    story.engine.claim(job_id)
    booking = story.booking(plan.booking_id)
    assert booking.state is BookingState.FAILED
    assert "Nothing was changed" in (booking.failure or "")
    assert "statement" not in (booking.failure or "")
    assert "text of statement 1 was changed" in (story.job(job_id).job_explanation or "")


def test_an_approval_outlives_a_new_key_as_long_as_the_old_one_is_kept(story: Story):
    plan = story.approved()
    use_box(Box([Fernet.generate_key().decode("ascii"), KEY]))
    try:
        launch = story.engine.claim(story.booking(plan.booking_id).job_id)
    finally:
        use_box(Box([KEY]))
    assert isinstance(launch, Launch)


def test_what_began_on_an_instance_is_planned_there_again(story: Story):
    other = story.portal.create_instance(story.pool, name="sql02")
    plan = story.approved()
    job_id = story.booking(plan.booking_id).job_id
    story.engine.claim(job_id)
    begun = line("login/create", "CREATE LOGIN [shop_owner]", event="intent", inventory_host="sql01")
    story.engine.observe(job_id, failed("Disk full", kind="DiskFull"), lines=[begun])
    story.engine.end(job_id, JobState.FAILED)
    assert story.client(story.operator).post(f"/bookings/{plan.booking_id}/plan").status_code == 302
    again = story.plan(plan.booking)
    assert again.target_ids("instance") == [story.instance.id]
    launch = story.engine.claim(again.job_id)
    assert isinstance(launch, Launch)
    assert launch.variables["application_instance"] == "sql01"
    assert other.name not in launch.inventory["all"]["children"][story.pool.name]["hosts"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("column", ["launch", "placement", "policy", "checks", "outcome"])
@pytest.mark.parametrize("spoilt", ["null", '"x"', "7", "{x"])
def test_a_plan_whose_documents_were_spoilt_is_shown_and_refused_in_words(
    story: Story, column: str, spoilt: str
):
    plan = story.approved()
    job_id = story.booking(plan.booking_id).job_id
    with story.portal.database.transaction() as session:
        session.execute(text(f"UPDATE plans SET {column} = :spoilt"), {"spoilt": spoilt})
    for page in (f"/approvals/{plan.id}", f"/bookings/{plan.booking_id}", "/approvals", "/"):
        assert story.client(story.admin).get(page).status_code == 200, page
    if column == "outcome":
        return  # what earlier runs told: nobody approved it
    gate = story.portal.runtime.templates["apply_booking"]
    with (
        story.portal.database.reading() as session,
        pytest.raises(NotLaunchable, match="not as the platform"),
    ):
        gate.prepare(session, session.get_one(Job, job_id))
