# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the roles ask about applications: names, sizes, what is where. The answers are in module_utils."""

from __future__ import annotations

from collections.abc import Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application import belongings as applications
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application import logins as application_logins
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.placement import (
    PlacementError,
    place,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.resizing import resizing

POOL_SETTINGS = ("thresholds", "largest_data_limit", "largest_log_limit")  # inventory variables pool_…


def application_names(
    application: str,
    database: str | None = None,
    *,
    owner_sid: str | None = None,
    customer_sid: str | None = None,
) -> dict:
    """The names of an application's logins (and of one database), their SIDs, and what is wrong with them."""
    problems = applications.name_problems("application_name", application)
    if database is not None:
        problems += applications.name_problems("application_database", database)
    given = {"application_owner_sid": owner_sid, "application_login_sid": customer_sid}
    sids = applications.own_sids(application, given)
    return {
        "problems": problems,
        "owner": applications.owner_login(application),
        "owner_sid": sids["application_owner_sid"],
        "login": applications.customer_login(application),
        "login_sid": sids["application_login_sid"],
        "database": database and applications.database_name(application, database),
    }


def application_layout(application: str, **wishes: object) -> dict:
    """The databases of a booking in full, and what is wrong with it."""
    return applications.layout(application, **wishes)


def _pool(variables: Mapping) -> dict:
    return {setting: variables.get(f"pool_{setting}") for setting in POOL_SETTINGS}


def application_placement(
    seen: dict, application: str, *, hostvars: Mapping | None = None, **wishes: object
) -> dict:
    """The instance that gets the booking, and why."""
    pools = {name: _pool(hostvars[name]) for name in (seen if hostvars is not None else ())}
    try:
        return place(application, seen, pools=pools, **wishes)
    except PlacementError as exc:
        return {"instance": None, "exists": False, "reasons": [], "refused": str(exc), "cause": exc.cause}


def application_login(application: str, name: str, **wishes: object) -> dict:
    """The login that a short name stands for, its SID, and what is wrong with the wish."""
    return application_logins.login_wish(application, name, **wishes)


def application_login_access(
    belongings: dict, application: str, databases: list | None = None, *, rights: dict
) -> dict:
    """Which of an application's databases a further login enters, with which rights."""
    return application_logins.login_access(application, belongings["databases"], databases, rights)


def application_resizing(
    instance: dict, application: str, database: str, *, hostvars: Mapping, owned: list, **wishes: object
) -> dict:
    """What new limits mean for a database of an application, and what speaks against them."""
    return resizing(application, database, instance, owned=owned, pool=_pool(hostvars), **wishes)


def application_belongings(
    instance: dict, application: str, database: str | None = None, **wishes: object
) -> dict:
    """What of an application is on an instance; with ``database`` only that one of its databases."""
    for subset in ("logins", "databases"):
        if not isinstance(instance.get(subset), list):
            raise AnsibleFilterError(
                f"The {subset} of the instance are not visible to the platform's login, so what belongs to "
                f"{application} cannot be told. It needs VIEW ANY DEFINITION."
            )
    found = applications.belonging(
        application, logins=instance["logins"], databases=instance["databases"], **wishes
    )
    if database is not None:
        found["databases"] = applications.only_database(found["databases"], application, database)
    return found


class FilterModule:
    """Filters for ``sqlhosting.mssql``."""

    def filters(self) -> dict:
        return {
            "application_belongings": application_belongings,
            "application_layout": application_layout,
            "application_login": application_login,
            "application_login_access": application_login_access,
            "application_names": application_names,
            "application_placement": application_placement,
            "application_resizing": application_resizing,
        }
