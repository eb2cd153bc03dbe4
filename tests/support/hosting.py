"""Pools that were looked at, customers, bookings in every state: what tests of bookings begin with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from tests.support.portal import Client, Portal
from webapp.accounts.models import PortalRole, User
from webapp.applications.models import Application, ApplicationLogin
from webapp.audit.operations import PLATFORM
from webapp.bookings import outcome
from webapp.bookings.history import change_state
from webapp.bookings.models import Booking, BookingState
from webapp.jobs.models import Job
from webapp.jobs.operations import launch
from webapp.jobs.subjects import references
from webapp.pools.facts import summary_of
from webapp.pools.models import Discovery, Instance, Pool, Reachability

COLLATIONS = [
    "Latin1_General_100_CI_AS_SC_UTF8",
    "Latin1_General_100_BIN2_UTF8",
    "SQL_Latin1_General_CP1_CI_AS",
    "Finnish_Swedish_100_CI_AS",
]
BOOKING = {
    "name": "shop",
    "kind": "standalone",
    "collation": "",
    "database": "orders",
    "size_gib": "10",
}


@dataclass
class Hosting:
    """A pool with one instance that has 100 GiB, and what customers do on it."""

    portal: Portal
    pool: Pool
    instance: Instance
    clients: dict[str, Client] = field(default_factory=dict)

    def client(self, user: User) -> Client:
        """A client that is logged in; the same one every time."""
        if user.id not in self.clients:
            self.clients[user.id] = self.portal.client(user)
        return self.clients[user.id]

    def customer(self) -> User:
        """A new customer."""
        return self.portal.create_user()

    def book(self, user: User, **fields: str) -> str:
        """Go through the wizard; the id of the booking."""
        answer = self.try_to_book(user, **fields)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"].rpartition("/")[2])

    def try_to_book(self, user: User, **fields: str) -> Any:
        """Go through the wizard; the answer to its last form."""
        client = self.client(user)
        typed = {**BOOKING, "pool": self.pool.id, **fields}
        steps = (("name",), ("kind", "pool"), ("collation",), ("database", "size_gib"))
        for names in steps:
            key = "database" if names[0] == "database" else names[0]
            answer = client.post(f"/book/{key}", {name: typed[name] for name in names})
            if answer.status_code != 302:
                return answer
        page = client.get("/book/summary").text
        return client.post("/book/summary", {"go": "book", "reason": typed.get("reason", ""), **hidden(page)})

    def approve(self, booking_id: str) -> None:
        """An approver said yes."""
        with self.portal.database.transaction() as session:
            booking = session.get_one(Booking, booking_id)
            change_state(
                session,
                booking,
                to=BookingState.APPROVED,
                expected=(BookingState.PENDING,),
                event="approved",
            )

    def run(self, booking_id: str) -> str:
        """Its job began; the job's id."""
        with self.portal.database.transaction() as session:
            booking = session.get_one(Booking, booking_id)
            job = launch(
                session,
                template="apply_booking",
                title="Apply",
                parameters={},
                subjects=references(
                    booking=booking.id, application=booking.subject_id, instance=self.instance.id
                ),
                launched_by=PLATFORM,
            )
            outcome.booking_running(session, booking, job)
            return job.id

    def deploy(self, booking_id: str, **results: Any) -> None:
        """Approve it, and let its job do all of it."""
        self.approve(booking_id)
        job_id = self.run(booking_id)
        with self.portal.database.transaction() as session:
            booking = session.get_one(Booking, booking_id)
            connection = {
                "host": "db.example.com",
                "port": 1433,
                "databases": [],
                "login": f"{booking.application.name}_app",
                "instance": self.instance.name,
            }
            outcome.booking_deployed(
                session, booking, session.get_one(Job, job_id), {"connection": connection, **results}
            )

    def fail(self, booking_id: str, text: str = "It did not work.") -> None:
        """Planning, or its job, failed."""
        with self.portal.database.transaction() as session:
            outcome.booking_failed(session, session.get_one(Booking, booking_id), text=text)

    def send_back(self, booking_id: str, text: str = "Smaller, please.") -> None:
        """An approver wants it changed."""
        with self.portal.database.transaction() as session:
            change_state(
                session,
                session.get_one(Booking, booking_id),
                to=BookingState.PENDING,
                expected=(BookingState.PENDING,),
                event="sent_back",
                text=text,
            )

    def deployed_application(self, user: User, **fields: str) -> Application:
        """An application that is there."""
        booking_id = self.book(user, **fields)
        self.deploy(booking_id)
        return self.application_of(booking_id)

    def application_of(self, booking_id: str) -> Application:
        """The booking's application with its databases and logins."""
        with self.portal.database.reading() as session:
            application = session.get_one(Booking, booking_id).application
            _ = [part.full_name for part in (*application.databases, *application.logins)]
            return application

    def booking(self, booking_id: str) -> Booking:
        """The booking, with its history."""
        with self.portal.database.reading() as session:
            booking = session.get_one(Booking, booking_id)
            _ = [*booking.events, booking.secret]
            return booking

    def password_of(self, login_id: str) -> str | None:
        """What the platform keeps of a password."""
        with self.portal.database.reading() as session:
            query = select(ApplicationLogin).where(ApplicationLogin.id == login_id)
            return session.scalars(query).one().password


def create_hosting(portal: Portal) -> Hosting:
    """A pool with an instance that discovery has seen."""
    pool = portal.create_pool(name="standard", default_collation=COLLATIONS[0], largest_data_gib=80)
    instance = portal.create_instance(
        pool, name="sql01", customer_host="db.example.com", reachability=Reachability.REACHABLE
    )
    facts = {
        "version": {"release": "2022"},
        "cpu": {"count": 4},
        "memory": {"total_mib": 16384, "available_mib": 8192},
        "volumes": [{"mount_point": "/var/opt/mssql", "total_mib": 102400, "available_mib": 102400}],
        "databases": [],
        "logins": [],
        "collations": {"count": len(COLLATIONS), "names": COLLATIONS},
    }
    with portal.database.transaction() as session:
        summary = {
            **summary_of(facts).as_json(),
            "disk_total_mib": 102400,
            "disk_free_mib": 102400,
            "promised_mib": 0,
        }
        session.add(Discovery(instance_id=instance.id, summary=summary, facts=facts))
    return Hosting(portal, pool, instance)


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's first form, without the CSRF token."""
    found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    found.pop("csrf_token", None)
    return found


def staff(portal: Portal, role: PortalRole = PortalRole.OPERATOR) -> User:
    """A new member of the staff."""
    return portal.create_user(role)
