"""All tables, for migrations and for whoever needs the whole schema."""

from sqlalchemy import CheckConstraint

from webapp import sealed_heads
from webapp.accounts import models as accounts
from webapp.applications import models as applications
from webapp.audit import models as audit
from webapp.bookings import models as bookings
from webapp.bookings import plans
from webapp.database import Base
from webapp.jobs import models as jobs
from webapp.platform import models as platform
from webapp.policies import models as policies
from webapp.pools import models as pools
from webapp.registry import request_kinds
from webapp.statements import models as statements

__all__ = [
    "accounts",
    "applications",
    "audit",
    "bookings",
    "jobs",
    "metadata",
    "plans",
    "platform",
    "policies",
    "pools",
    "sealed_heads",
    "statements",
]

metadata = Base.metadata

# The table cannot ask the kinds that are built on it. A new kind's migration renews the check.
metadata.tables["bookings"].append_constraint(
    CheckConstraint(bookings.Booking.kind.in_([kind.name for kind in request_kinds()]), name="bookingkind")
)
