"""Bookings with plans, without workers: what the engine would do with a job is done here, event by event."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.portal import Client, Portal
from webapp.accounts.models import PortalRole, User
from webapp.applications.models import Application, ApplicationState
from webapp.approvals.operations import decide
from webapp.audit.operations import Actor
from webapp.bookings.kinds.application import submit_application
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.plans import DecisionKind, Plan
from webapp.bookings.wishes import ApplicationWish
from webapp.database import new_id, now
from webapp.jobs.endings import end_job
from webapp.jobs.models import Job, JobState
from webapp.jobs.templates import Launch, NotLaunchable
from webapp.policies.models import Policy
from webapp.pools.models import Instance, Pool, PoolKind
from webapp.signed_rows import sign
from webapp.statements.stored import store_lines
from webapp.units import MIB_PER_GIB

ADDRESS = "127.0.0.1,1433"
_numbers = itertools.count(1)


def line(template: str, text: str, *, event: str = "planned", **more: Any) -> dict[str, Any]:
    """A line of a journal."""
    return {
        "event": event,
        "statement_id": new_id(),
        "run": "run",
        "seq": next(_numbers),
        "at": now().isoformat(),
        "instance": ADDRESS,
        "database": "master",
        "template": template,
        "template_revision": "shipped:0123456789ab",
        "task": "application : Keep it",
        "kind": "change",
        "check_mode": event == "planned",
        "secrets": [],
        "parameters": [],
        "text": text,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        **more,
    }


class Engine:
    """The rooms' view of the engine: claims a job, tells its template the events, ends it."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def claim(self, job_id: str) -> Launch | NotLaunchable:
        """What the template prepares. A job that is refused has ended."""
        with self.portal.database.transaction() as session:
            job = session.get_one(Job, job_id)
            template = self.portal.runtime.templates[job.template]
            job.state, job.attempt = JobState.RUNNING, job.attempt + 1
            session.flush()
            try:
                launch = template.prepare(session, job)
            except NotLaunchable as refused:
                end_job(session, job, to=JobState.FAILED, explanation=str(refused))
                return refused
            template.started(session, job)
            return launch

    def observe(
        self, job_id: str, *events: dict[str, Any], lines: list[dict[str, Any]] | None = None
    ) -> None:
        """Events and journal lines come in."""
        with self.portal.database.transaction() as session:
            job = session.get_one(Job, job_id)
            for event in events:
                self.portal.runtime.templates[job.template].observe(session, job, event)
            store_lines(session, job, job.attempt, lines or [])

    def end(self, job_id: str, state: JobState = JobState.SUCCESSFUL, explanation: str | None = None) -> None:
        """The job ends."""
        with self.portal.database.transaction() as session:
            end_job(session, session.get_one(Job, job_id), to=state, explanation=explanation)


def ok(**result: Any) -> dict[str, Any]:
    """An event of a task that went well."""
    return {"event": "runner_on_ok", "event_data": {"task": "A task", "host": "sql01", "res": result}}


def failed(message: Any, kind: str | None = None, host: str = "sql01") -> dict[str, Any]:
    """An event of a task that failed."""
    error = {"kind": kind, "number": None} if kind else None
    result = {"msg": message, **({"error": error} if error else {})}
    action = "sqlhosting.mssql.mssql_database" if error else "ansible.builtin.assert"
    data = {"task": "A task", "host": host, "res": result, "task_action": action}
    return {"event": "runner_on_failed", "event_data": data}


class Story:
    """A pool with an instance, a customer, and what they book."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.engine = Engine(portal)
        self.pool: Pool = portal.create_pool()
        self.instance: Instance = portal.create_instance(self.pool, name="sql01")
        self.customer = portal.create_user()
        self.admin = portal.create_user(PortalRole.ADMIN)
        self.operator = portal.create_user(PortalRole.OPERATOR)

    def actor(self, user: User) -> Actor:
        return Actor("user", user.email, id=user.id)

    def client(self, user: User) -> Client:
        return self.portal.client(user)

    def policy(self, **columns: Any) -> Policy:
        given = {
            "position": next(_numbers),
            "name": f"policy {next(_numbers)}",
            "approver_roles": ["admin", "operator"],
        }
        with self.portal.database.transaction() as session:
            policy = Policy(**{**given, **columns})
            session.add(policy)
            session.flush()
            sign(session, policy)
        return policy

    def book(self, name: str = "shop", *, size_gib: int = 10, by: User | None = None) -> Booking:
        """A booking whose planning job waits."""
        with self.portal.database.transaction() as session:
            return submit_application(
                session, self.actor(by or self.customer), self.wish(name, size_gib=size_gib),
                reason="for the new shop", token=new_id(),
            )  # fmt: skip

    def wish(self, name: str = "shop", *, size_gib: int = 10) -> ApplicationWish:
        """A stand-alone application with the database orders."""
        return ApplicationWish(
            name=name, kind=PoolKind.STANDALONE, pool_id=self.pool.id, database="orders",
            data_limit_mib=size_gib * MIB_PER_GIB, collation=None,
        )  # fmt: skip

    def lines(self, name: str = "shop") -> list[dict[str, Any]]:
        where = {"inventory_host": self.instance.name}
        return [
            line(
                "login/create",
                f"CREATE LOGIN [{name}_app] WITH PASSWORD = N'$(password_of_{name}_app)'",
                secrets=[f"password_of_{name}_app"],
                words=f"create login `{name}_app`",
                object=f"login:{name}_app",
                creates=f"login:{name}_app",
                **where,
            ),
            line(
                "database/create",
                f"CREATE DATABASE [{name}_orders]",
                creates=f"database:{name}_orders",
                **where,
            ),
            line(
                "user/create",
                f"CREATE USER [{name}_app] FOR LOGIN [{name}_app]",
                database=f"{name}_orders",
                **where,
            ),
        ]

    def run_planning(
        self,
        booking: Booking,
        lines: list[dict[str, Any]] | None = None,
        placement: dict[str, Any] | None = None,
    ) -> Plan:
        """The planning job runs through."""
        plan = self.plan(booking)
        launch = self.engine.claim(plan.job_id)
        assert isinstance(launch, Launch), launch
        chosen = placement or {
            "instance": self.instance.name,
            "exists": False,
            "reasons": [f"{self.instance.name}: 47 % left of its scarcest resource (databases 0)"],
        }
        events = [ok(ansible_facts={"application_placement": chosen})]
        self.engine.observe(plan.job_id, *events, lines=self.lines() if lines is None else lines)
        self.engine.end(plan.job_id)
        return self.plan(booking)

    def planned(self, **options: Any) -> Plan:
        """A booking with a ready plan."""
        booking = self.book(**options)
        return self.run_planning(booking, self.lines(options.get("name", "shop")))

    def approved(self, **options: Any) -> Plan:
        """A booking with an approved plan whose job waits."""
        plan = self.planned(**options)
        self.decide(plan, self.admin)
        return self.plan(plan.booking)

    def decide(self, plan: Plan, user: User, kind: str = "approve", reason: str = "") -> Plan:
        with self.portal.database.transaction() as session:
            return decide(
                session,
                self.actor(user),
                plan.id,
                kind=DecisionKind(kind),
                seen_hash=plan.hash or "",
                reason=reason,
            )

    def plan(self, booking: Booking) -> Plan:
        """The newest plan, with all that belongs to it."""
        with self.portal.database.reading() as session:
            query = select(Plan).where(Plan.booking_id == booking.id).order_by(Plan.number.desc()).limit(1)
            plan = session.scalars(query).one()
            _ = [*plan.items, *plan.decisions, plan.booking.application.name]
            return plan

    def plans(self, booking: Booking) -> list[Plan]:
        with self.portal.database.reading() as session:
            return list(
                session.scalars(select(Plan).where(Plan.booking_id == booking.id).order_by(Plan.number))
            )

    def booking(self, booking_id: str) -> Booking:
        with self.portal.database.reading() as session:
            booking = session.get_one(Booking, booking_id)
            _ = [*booking.events, booking.application.name]
            return booking

    def events(self, booking_id: str) -> list[str]:
        return [event.event for event in self.booking(booking_id).events]

    def job(self, job_id: str | None) -> Job:
        with self.portal.database.reading() as session:
            return session.get_one(Job, job_id)

    def deploy(self, plan: Plan) -> None:
        """The approved plan is carried out."""
        job_id = self.booking(plan.booking_id).job_id
        launch = self.engine.claim(job_id)
        assert isinstance(launch, Launch), launch
        connection = {"host": "127.0.0.1", "port": 1433, "databases": [], "login": "x", "instance": "sql01"}
        self.engine.observe(job_id, ok(application_connection=connection))
        self.engine.end(job_id)
        with self.portal.database.reading() as session:
            application = session.get_one(Application, plan.booking.subject_id)
            assert application.state is ApplicationState.DEPLOYED
        assert self.booking(plan.booking_id).state is BookingState.DEPLOYED


@pytest.fixture
def story(portal: Portal) -> Story:
    """The stage of a test."""
    return Story(portal)
