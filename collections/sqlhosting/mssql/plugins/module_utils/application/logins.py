# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A login of an application that is to be added, changed or removed: which one, and where it may go."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.belongings import (
    MAIN_LOGIN,
    OWNER_LOGIN,
    added_login,
    added_login_sid,
    name_problems,
    only_database,
    own_sids,
    password_problems,
    sid_problems,
)

ONLINE = "online"


def login_wish(
    application: str,
    name: str,
    *,
    password: str | None = None,
    added_sids: dict[str, str] | None = None,
    sids: dict[str, str | None] | None = None,
) -> dict:
    """The login that ``name`` stands for, and what is wrong with the wish. Asks no server.

    ``added_sids`` are the SIDs given to further logins, by short name; ``sids`` those given to the
    application's own two, by option. Returns ``{"problems": [sentence…], "login", "sid", "is_main"}``.
    """
    problems = name_problems("application_name", application)
    problems += name_problems("application_login_name", name)
    short = name.lower() if isinstance(name, str) else ""
    if short == OWNER_LOGIN:
        problems.append(
            f"application_login_name {name}: {added_login(application, OWNER_LOGIN)} owns the databases and "
            "nobody uses it. Name another login."
        )
    login = added_login(application, name)
    given = added_sids or {}
    options = {f"application_added_login_sids: {key}": sid for key, sid in given.items()}
    problems += sid_problems({**own_sids(application, sids), **options})
    problems += password_problems(password, login)
    by_name = {key.lower(): sid for key, sid in given.items()}
    return {
        "problems": problems,
        "login": login,
        "sid": by_name.get(short) or added_login_sid(application, name),
        "is_main": short == MAIN_LOGIN,
    }


def login_access(application: str, owned: list[dict], wanted: list[str] | None, rights: dict) -> dict:
    """Which of an application's databases a further login enters: ``wanted`` (short names), else all.

    ``owned`` are the databases that ``belonging`` found, ``rights`` what the login may do in those it enters.
    Only databases that are online are touched. Returns ``{"problems": [sentence…], "databases": names,
    "access": the option databases of mssql_login}``; the databases that are not wanted are in ``access`` too,
    as those where the login has no user.
    """
    problems = []
    online = [entry["name"] for entry in owned if entry["state"] == ONLINE and not entry["deleted"]]
    entered = [] if wanted else list(online)
    for name in wanted or []:
        found = only_database(owned, application, str(name))
        ready = [entry["name"] for entry in found if entry["name"] in online]
        if not found:
            problems.append(
                f"application_login_databases: {application} has no database {name!a} here (it has "
                f"{', '.join(entry['name'] for entry in owned) or 'none'}; leave {application}_ out)."
            )
        elif not ready:
            problems.append(
                f"application_login_databases: {found[0]['name']} is {found[0]['state']}, so nobody can be "
                "let in. Leave it out, or bring it online first."
            )
        entered += ready
    if not wanted and not online:
        problems.append(f"{application} has no database here that is online. Add one first.")
    entered = sorted(dict.fromkeys(entered))
    access = [{"name": name, **rights} for name in entered]
    access += [{"name": name, "state": "absent"} for name in online if name not in entered]
    return {"problems": problems, "databases": entered, "access": access}
