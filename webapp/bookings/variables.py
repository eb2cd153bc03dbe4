"""What a booking's playbook is given: its name, extra vars, and the password it sets.

docs/book-an-application.md explains the variables. Where it runs is added by the room approvals.
"""

from __future__ import annotations

from typing import Any

from webapp.applications.models import Application
from webapp.applications.naming import MAIN_LOGIN
from webapp.bookings.models import Booking, BookingKind

MIB_PER_GIB = 1024
_KINDS_WITH_PASSWORD = (BookingKind.BOOK_APPLICATION, BookingKind.ADD_LOGIN, BookingKind.RESET_LOGIN)


def playbook_for(booking: Booking) -> str:
    """The playbook that carries out ``booking``, under the project folder."""
    return f"playbooks/{booking.kind.value}.yml"


def password_for(booking: Booking) -> str | None:
    """The password that the playbook sets; None where it sets none. Belongs into a secret file."""
    return booking.secret if booking.kind in _KINDS_WITH_PASSWORD else None


def variables_for(booking: Booking) -> dict[str, Any]:
    """The extra vars of ``booking``'s playbook, the same at every call; never a secret."""
    asked = booking.parameters
    variables = {"application_name": booking.application.name, **_sids(booking.application)}
    match booking.kind:
        case BookingKind.BOOK_APPLICATION | BookingKind.ADD_DATABASE:
            variables["application_databases"] = [_database(asked)]
        case BookingKind.RESIZE_DATABASE:
            variables["application_database"] = asked["database"]
            variables |= _limits(asked, "application_")
        case BookingKind.ADD_LOGIN:
            variables["application_login_name"] = asked["login"]
            variables["application_login_rights"] = asked["rights"]
            variables["application_login_databases"] = asked["databases"]
        case BookingKind.RESET_LOGIN | BookingKind.REMOVE_LOGIN:
            variables["application_login_name"] = asked["login"]
        case BookingKind.DELETE_APPLICATION:
            variables["application_purge"] = asked["purge"]
            variables["application_deletion_date"] = asked["deletion_date"]
    if booking.kind in (BookingKind.BOOK_APPLICATION, BookingKind.ADD_DATABASE, BookingKind.RESIZE_DATABASE):
        variables.pop("application_added_login_sids", None)  # these playbooks look at no added login
    return variables


def gib_asked(booking: Booking) -> float:
    """The data limit that is asked for, in GiB; 0 where the booking is not about space."""
    return float(booking.parameters.get("data_limit_mib") or 0) / MIB_PER_GIB


def title_for(booking: Booking) -> str:
    """What the booking does, in a few words."""
    name, asked = booking.application.name, booking.parameters
    database, login = asked.get("database"), asked.get("login")
    return {
        BookingKind.BOOK_APPLICATION: f"Book {name} on {booking.application.pool.name}",
        BookingKind.ADD_DATABASE: f"Add database {database} to {name}",
        BookingKind.RESIZE_DATABASE: f"Resize database {database} of {name}",
        BookingKind.ADD_LOGIN: f"Add login {login} to {name}",
        BookingKind.RESET_LOGIN: f"Reset the password of login {login} of {name}",
        BookingKind.REMOVE_LOGIN: f"Remove login {login} from {name}",
        BookingKind.DELETE_APPLICATION: f"Purge {name}" if asked.get("purge") else f"Delete {name}",
    }[booking.kind]


def _sids(application: Application) -> dict[str, Any]:
    """Every SID that was drawn for the application's logins: its logins are recognised by them."""
    taken = {login.name: login.sid for login in application.logins if login.name_key == login.name.lower()}
    sids: dict[str, Any] = {"application_owner_sid": application.owner_sid}
    if MAIN_LOGIN in taken:
        sids["application_login_sid"] = taken.pop(MAIN_LOGIN)
    if taken:
        sids["application_added_login_sids"] = taken
    return sids


def _database(asked: dict[str, Any]) -> dict[str, Any]:
    database = {"name": asked["database"], **_limits(asked)}
    if asked.get("collation"):
        database["collation"] = asked["collation"]
    return database


def _limits(asked: dict[str, Any], prefix: str = "") -> dict[str, str]:
    return {
        f"{prefix}{limit}": f"{asked[f'{limit}_mib']}MiB"
        for limit in ("data_limit", "log_limit")
        if asked.get(f"{limit}_mib")
    }
