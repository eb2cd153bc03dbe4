"""All tables, for migrations and for whoever needs the whole schema."""

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
    "statements",
]

metadata = Base.metadata
