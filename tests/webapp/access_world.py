"""One object of each kind, users of each kind, and browsers for them: what the access matrix looks at."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select

from tests.support.portal import PASSWORD_HASH, SECRET_KEY, Portal
from webapp.accounts.models import ApiToken, PortalRole, User, UserSession, UserState
from webapp.applications.models import Application, ApplicationDatabase, ApplicationLogin, ApplicationState
from webapp.bookings.models import Booking, BookingKind, BookingState
from webapp.bookings.plans import Plan, PlanState
from webapp.database import Base, Database, new_id, now
from webapp.jobs.models import Job, JobState, Schedule
from webapp.jobs.subjects import references
from webapp.policies.models import Policy
from webapp.pools.models import Discovery
from webapp.signed_rows import sign
from webapp.statements.models import JobStatement, StatementKind, StatementStatus

ANONYMOUS, PENDING, OWNER, STRANGER = "anonymous", "pending", "owner", "stranger"
OPERATOR, VIEWER, ADMIN = "operator", "viewer", "admin"
KINDS = (ANONYMOUS, PENDING, OWNER, STRANGER, OPERATOR, VIEWER, ADMIN)
ROLE_OF = {
    OWNER: PortalRole.CUSTOMER,
    STRANGER: PortalRole.CUSTOMER,
    OPERATOR: PortalRole.OPERATOR,
    VIEWER: PortalRole.VIEWER,
    ADMIN: PortalRole.ADMIN,
}
RAW_CSRF_TOKEN = "0" * 40
# Written by looking, too.
_SEEN_COLUMNS = {"last_seen_at", "last_used_at"}


@dataclass(frozen=True)
class World:
    """The ids of what there is, by name."""

    ids: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.ids[name]


def session_token(kind: str) -> str:
    """What the cookie of this kind of user holds."""
    return f"session-token-of-{kind}"


def api_secret(kind: str) -> str:
    """The API token of this kind of user."""
    return f"sqlh_{kind:x<43}"


def build(portal: Portal) -> World:
    """Fill the empty database of ``portal``."""
    ids = _users(portal)
    pool = portal.create_pool(name="standalone")
    instance = portal.create_instance(pool)
    ids |= {"pool": pool.id, "instance": instance.id, "elevated_account": pool.elevated_account_id}
    sid = "0x" + "ab" * 16
    application = Application(
        name="shop", name_key="shop", customer_id=ids[OWNER], pool_id=pool.id, instance_id=instance.id,
        owner_sid=sid, state=ApplicationState.DEPLOYED, deployed_at=now(),
    )  # fmt: skip
    rows: list[Any] = [application]
    with portal.database.transaction() as session:
        session.add(application)
        session.flush()
        database = ApplicationDatabase(
            application_id=application.id, name="shop_db", name_key="shop_db", data_limit_mib=1024,
            log_limit_mib=512, state=ApplicationState.DEPLOYED,
        )  # fmt: skip
        login = ApplicationLogin(
            application_id=application.id, name="shop_app", name_key="shop_app", sid=sid,
            state=ApplicationState.DEPLOYED, password="Pass-word-of-shop-1", password_set_at=now(),
        )  # fmt: skip
        booking = Booking(
            kind=BookingKind.RESIZE_DATABASE, state=BookingState.PENDING, application_id=application.id,
            requester_id=ids[OWNER], parameters={
                "database": "shop_db", "data_limit_mib": 2048, "log_limit_mib": 512,
                "data_limit_before_mib": 1024,
            },
        )  # fmt: skip
        session.add_all([database, login, booking])
        session.flush()
        plan = Plan(booking_id=booking.id, number=1, state=PlanState.FAILED)
        job = Job(
            template="apply_booking", title="Resize shop_db", state=JobState.SUCCESSFUL, parameters={},
            subjects=references(booking=booking.id, application=application.id), customer_id=ids[OWNER],
            finished_at=now(),
        )  # fmt: skip
        session.add_all([plan, job])
        session.flush()
        booking.plan_id, booking.job_id = plan.id, job.id
        statement = JobStatement(
            id=new_id(), job_id=job.id, attempt=1, stream=1, seq=1, at=now(), instance="127.0.0.1,1433",
            database="master", template="database/resize", kind=StatementKind.CHANGE,
            status=StatementStatus.OK, text="ALTER DATABASE [shop_db] …", sha256="0" * 64, check_mode=False,
        )  # fmt: skip
        schedule = Schedule(
            name="nightly", template="discover", parameters={"pool_id": pool.id}, cron="0 3 * * *"
        )
        policy = Policy(position=1, name="the first", approver_roles=["admin"])
        discovery = Discovery(instance_id=instance.id, summary={}, facts={})
        rows = [database, login, booking, plan, job, statement, schedule, policy, discovery]
        session.add_all(rows)
        sign(session, policy)
    names = ("database", "login", "booking", "plan", "job", "statement", "schedule", "policy", "discovery")
    return World(ids | {"application": application.id} | dict(zip(names, (r.id for r in rows), strict=True)))


def _users(portal: Portal) -> dict[str, str]:
    ids = {}
    with portal.database.transaction() as session:
        for kind in (*KINDS[1:], "candidate", "member"):
            user = User(
                email=f"{kind}@example.com", name=kind.capitalize(), password_hash=PASSWORD_HASH,
                role=ROLE_OF.get(kind, PortalRole.CUSTOMER),
                state=UserState.PENDING if kind in (PENDING, "candidate") else UserState.ACTIVE,
            )  # fmt: skip
            session.add(user)
            session.flush()
            ids[kind] = user.id
            begun = UserSession(
                user_id=user.id,
                token_hash=_hash(session_token(kind)),
                expires_at=now() + timedelta(hours=12),
            )
            token = ApiToken(user_id=user.id, name="token", token_hash=_hash(api_secret(kind)))
            session.add_all([begun, token])
            for row in (user, begun, token):
                sign(session, row)
            if kind == OWNER:
                ids |= {"session": begun.id, "token": token.id}
    return ids


def browser(portal: Portal, kind: str) -> FlaskClient:
    """A client with the cookie of this kind of user."""
    client = portal.app.test_client()
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = RAW_CSRF_TOKEN
        if kind != ANONYMOUS:
            cookie["_user_id"] = session_token(kind)
    return client


def csrf_token() -> str:
    """One that fits the browsers above."""
    signed: str = URLSafeTimedSerializer(SECRET_KEY, salt="wtf-csrf-token").dumps(RAW_CSRF_TOKEN)
    return signed


def everything(database: Database) -> dict[str, list[str]]:
    """All rows of all tables, to compare."""
    with database.reading() as session:
        return {
            table.name: sorted(
                repr(tuple(row))
                for row in session.execute(select(*(c for c in table.columns if c.name not in _SEEN_COLUMNS)))
            )
            for table in Base.metadata.sorted_tables
        }


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
