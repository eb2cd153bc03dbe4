"""Rows that first pages and search show."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.portal import Portal
from webapp.accounts.models import User
from webapp.applications.models import Application, ApplicationDatabase, ApplicationState
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.plans import Plan, PlanState, PlanTarget
from webapp.database import new_id
from webapp.jobs.models import Job, JobState
from webapp.pools.models import Instance


class Rows:
    """Puts rows into the platform database as if they had come there."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self.pool = portal.create_pool(name="production")
        self.instance: Instance = portal.create_instance(self.pool, name="sql01", host="sql01.example.com")

    def add(self, row: Any) -> Any:
        with self._portal.database.transaction() as session:
            session.add(row)
        return row

    def application(self, customer: User, name: str, **columns: Any) -> Application:
        """A deployed application with one database of 10 GiB, of which 9 are used."""
        given = {
            "state": ApplicationState.DEPLOYED,
            "connection": {"host": "sql01.example.com", "port": 1433},
        }
        application = self.add(
            Application(
                name=name, name_key=name.lower(), customer_id=customer.id, pool_id=self.pool.id,
                instance_id=self.instance.id, owner_sid="0x" + "0" * 32, **{**given, **columns},
            )
        )  # fmt: skip
        self.add(
            ApplicationDatabase(
                application_id=application.id, name="orders", name_key="orders", data_limit_mib=10240,
                log_limit_mib=512, state=application.state, data_used_mib=9216,
            )
        )  # fmt: skip
        return application

    def booking(self, application: Application, plan_state: PlanState | None, **columns: Any) -> Booking:
        """A pending request for another database, with a plan."""
        given = {
            "kind": "add_database",
            "state": BookingState.PENDING,
            "requester_id": application.customer_id,
        }
        booking = self.add(
            Booking(
                subject_kind="application",
                subject_id=application.id,
                parameters={
                    "database_id": new_id(), "database": "stock", "data_limit_mib": 1024,
                    "log_limit_mib": 512, "collation": "",
                }, **{**given, **columns},
            )
        )  # fmt: skip
        if plan_state is not None:
            plan = self.add(
                Plan(
                    booking_id=booking.id,
                    number=1,
                    state=plan_state,
                    targets=[
                        PlanTarget(
                            position=0,
                            kind="instance",
                            target_id=self.instance.id,
                            name=self.instance.name,
                        )
                    ],
                    hash="ab" * 32,
                )
            )
            with self._portal.database.transaction() as session:
                session.get_one(Booking, booking.id).plan_id = plan.id
        return booking

    def job(self, title: str, **columns: Any) -> Job:
        """A running job."""
        given = {"template": "discover", "state": JobState.RUNNING, "parameters": {}, "targets": []}
        return self.add(Job(title=title, **{**given, **columns}))


@pytest.fixture
def rows(portal: Portal) -> Rows:
    """A pool with an instance, and more on demand."""
    return Rows(portal)
