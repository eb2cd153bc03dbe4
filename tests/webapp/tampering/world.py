"""A request on its way, step by step, on a database that can be put back to how it was before each step."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.support.portal import Portal
from tests.webapp.approvals.conftest import Story, ok
from webapp.accounts.models import User
from webapp.applications.models import Application, ApplicationLogin
from webapp.applications.operations import reveal_password
from webapp.applications.visibility import get_application
from webapp.bookings.models import Booking
from webapp.bookings.plans import Plan, PlanState
from webapp.errors import PlatformError
from webapp.jobs.models import JobState
from webapp.jobs.templates import Launch, NotLaunchable

# Before each of them the database is changed. What is changed before "submit" was there before anybody asked.
STEPS = ("submit", "plan", "tell", "seal", "approve", "claim", "end")


class RefusedError(Exception):
    """The request does not go on. The text is what people read."""


@dataclass
class Outcome:
    """What came of a request: what was let loose on which instance, and what its customer is told."""

    statements: list[str] = field(default_factory=list)
    inventory: Any = None
    variables: dict[str, Any] = field(default_factory=dict)
    connection: Any = None
    password_is_own: bool = False
    stolen: list[str] = field(default_factory=list)  # passwords that somebody else was shown
    refused: str | None = None
    fault: str | None = None  # ended without words


class World:
    """A customer's request, next to another customer's application. ``is_trusted``: a policy approves it."""

    def __init__(self, portal: Portal, folder: Path, *, is_trusted: bool) -> None:
        self.portal = portal
        self.is_trusted = is_trusted
        self.file = Path(str(portal.database.file))
        self.data = portal.settings.data_folder
        self.folder = folder
        self.story = Story(portal)
        self.thief = portal.create_user()
        self.story.policy(name="strict", kinds=["delete_application"], approvals=2)
        self.story.policy(name="small ones", only_trusted=True, approvals=0)
        self.other = portal.create_instance(self.story.pool, name="sql02", host="127.0.0.2")
        plan = self.story.approved(name="other", by=self.thief)
        self.story.deploy(plan)
        self.story.customer = portal.create_user(is_trusted=is_trusted)
        self.booking_id = ""
        self.moments: dict[str, str] = {}
        for step in STEPS:
            self._keep(step)
            self.do(step)
        self.expected = self.outcome()
        assert self.expected.refused is None
        assert self.expected.statements
        assert self.expected.password_is_own

    def _keep(self, step: str) -> None:
        """Remember the database and what the machine remembers outside of it."""
        with sqlite3.connect(self.file) as live, sqlite3.connect(self.snapshot(step)) as kept:
            live.backup(kept)
        shutil.copytree(self.data, self.folder / f"{step}.data")
        self.moments[step] = self.booking_id

    def snapshot(self, step: str) -> Path:
        """The database as it was before ``step``."""
        return self.folder / f"{step}.db"

    def put_back(self, step: str) -> None:
        """Everything is as before ``step``."""
        with sqlite3.connect(self.snapshot(step)) as kept, sqlite3.connect(self.file) as live:
            kept.backup(live)
        shutil.rmtree(self.data)
        shutil.copytree(self.folder / f"{step}.data", self.data)
        self.booking_id = self.moments[step]
        self._launch: Launch | None = None

    def go_on(self, step: str) -> Outcome:
        """All steps from ``step`` on, as far as they go, and what came of it."""
        try:
            for one in STEPS[STEPS.index(step) :]:
                self.do(one)
        except (RefusedError, PlatformError) as refused:
            found = Outcome(refused=str(refused))
        except Exception as fault:  # what is neither right nor refused in words is what is looked for
            found = Outcome(fault=f"{type(fault).__name__}: {fault}")
        else:
            return self.outcome()
        found.stolen = self._stolen()
        return found

    def do(self, step: str) -> None:
        """Raises RefusedError, or one of the platform's own errors."""
        steps: dict[str, Callable[[], None]] = {
            "submit": self._submit, "plan": self._plan, "tell": self._tell, "seal": self._seal,
            "approve": self._approve, "claim": self._claim, "end": self._end,
        }  # fmt: skip
        steps[step]()

    def outcome(self) -> Outcome:
        """What a request that went through came to."""
        launch = self._launch
        if launch is None:
            return Outcome(refused="it was not carried out")
        plan = launch.approved_plan or {}
        found = Outcome(
            [one["text"] for one in plan["statements"]], [launch.playbook, launch.inventory],
            {name: value for name, value in launch.variables.items() if not name.endswith("_sid")},
        )  # fmt: skip
        found.inventory.append(launch.secrets[f"account_{self.story.pool.elevated_account_id}"])
        sent = launch.secrets["application_password"]
        found.stolen = self._stolen()
        try:
            with self.portal.database.transaction() as session:
                user = session.get_one(User, self.story.customer.id)
                booking = session.get_one(Booking, self.booking_id)
                application = get_application(session, user, booking.subject_id)
                found.connection = application.connection
                if not application.logins:
                    raise RefusedError("The application has no login any more.")
                login = application.logins[0]
                found.password_is_own = reveal_password(session, self.story.actor(user), login) == sent
                session.rollback()
        except (RefusedError, PlatformError) as refused:
            found.refused = str(refused)
        return found

    def _stolen(self) -> list[str]:
        """Passwords of the request that the other customer is shown."""
        stolen = []
        with self.portal.database.session(writes=True) as session:
            logins = session.scalars(select(ApplicationLogin).join(Application)).all()
            for login in logins:
                try:
                    shown = reveal_password(session, self.story.actor(self.thief), login)
                except PlatformError:
                    continue
                if self._launch and shown == self._launch.secrets["application_password"]:
                    stolen.append(login.full_name)
            session.rollback()
        return stolen

    def _submit(self) -> None:
        self._launch = None
        self.booking_id = self.story.book("shop").id

    def _now(self) -> tuple[Booking, Plan]:
        with self.portal.database.reading() as session:
            booking = session.get(Booking, self.booking_id)
            plan = session.get(Plan, booking.plan_id) if booking and booking.plan_id else None
            if booking is None or plan is None:
                raise RefusedError("There is no such request any more.")
            return booking, plan

    def _claimed(self, job_id: str | None) -> Launch:
        if job_id is None:
            raise RefusedError("No job was launched.")
        launch = self.story.engine.claim(job_id)
        if isinstance(launch, NotLaunchable):
            raise RefusedError(str(launch))
        return launch

    def _plan(self) -> None:
        self._planning = self._claimed(self._now()[1].job_id)

    def _tell(self) -> None:
        chosen = {"instance": self.story.instance.name, "exists": False, "reasons": ["the only one"]}
        self.story.engine.observe(
            self._planning_job(),
            ok(ansible_facts={"application_placement": chosen}),
            lines=self.story.lines(),
        )

    def _planning_job(self) -> str:
        job_id = self._now()[1].job_id
        if job_id is None:
            raise RefusedError("The plan has no job.")
        return job_id

    def _seal(self) -> None:
        self.story.engine.end(self._planning_job())
        plan = self._now()[1]
        if plan.state not in (PlanState.READY, PlanState.APPROVED):
            raise RefusedError(plan.failure or f"The plan is {plan.state.value}.")

    def _approve(self) -> None:
        plan = self._now()[1]
        if plan.state is PlanState.READY:
            self.story.decide(plan, self.story.admin)

    def _claim(self) -> None:
        self._launch = self._claimed(self._now()[0].job_id)

    def _end(self) -> None:
        booking = self._now()[0]
        told = {"host": "127.0.0.1", "port": 1433, "databases": [], "login": "x", "instance": "sql01"}
        self.story.engine.observe(str(booking.job_id), ok(application_connection=told))
        self.story.engine.end(str(booking.job_id), JobState.SUCCESSFUL)
