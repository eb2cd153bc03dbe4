# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What belongs to an application: its names, its sizes, and how it is recognised on an instance.

An application ``shop`` owns the databases whose owner is the login ``shop_owner``; its customer logs in as
``shop_app``, and as further logins such as ``shop_reader``. The owner decides, not the prefix of the
database's name: ``shop_eu_data`` may belong to ``shop`` (database ``eu_data``) or to ``shop_eu`` (database
``data``). A login counts by its SID as well: somebody else's ``shop_owner`` is not the application's, nor is
what it owns; and ``shop_eu_app`` may be the login ``eu_app`` of ``shop`` or the main login of ``shop_eu``.
"""

from __future__ import annotations

import re
import uuid

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import format_mib, parse_mib
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.checks import (
    check_collation_name,
    check_possible_level,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.password import (
    check_password_policy,
    check_possible_password,
    normalise_sid,
)

# A letter first; no underscore last, because "_" joins the two names.
NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?")
# SQL Server allows 123 characters when the log file's logical name is not given (tsql-reference §0).
# Two names, "_" and the deletion mark "__del_yyyymmdd" must fit: 50 + 1 + 50 + 14 = 115.
NAME_LENGTH = 50
MAIN_LOGIN, OWNER_LOGIN = "app", "owner"  # what their names end in; no added login is called so
# A contained availability group keeps <group>_master and <group>_msdb; the others are taken everywhere.
RESERVED_DATABASES = ("master", "model", "msdb", "tempdb")
DELETION_MARK = "__del_"
DELETED = re.compile(re.escape(DELETION_MARK) + r"\d{8}\Z")

LARGEST_DATA_MIB = 16 * 1024 * 1024  # one data file: 16 TiB
LARGEST_LOG_MIB = 2 * 1024 * 1024  # one log file: 2 TiB
SMALLEST_MIB = 8  # the model database's size; a smaller file is refused (1803)
INITIAL_MIB = 64  # a new file's size and growth, or its limit where that is smaller (5103, 5169)

# Options of mssql_database that a booking may give for a database; None leaves the server's default.
PASSED_ON = ("collation", "recovery_model", "compatibility_level", "read_committed_snapshot")

# Any fixed value serves; it must never change, or a booking that is resumed gets other SIDs.
SID_NAMESPACE = uuid.UUID("b8f0c2f4-5a0e-5f0b-9a55-3f7d3c1f6d21")


def owner_login(application: str) -> str:
    """The name of the disabled login that owns an application's databases."""
    return f"{application}_{OWNER_LOGIN}"


def customer_login(application: str) -> str:
    """The name of the login that the customer uses."""
    return f"{application}_{MAIN_LOGIN}"


def added_login(application: str, name: str) -> str:
    """The name on the instance of a further login of an application."""
    return f"{application}_{name}"


def database_name(application: str, database: str) -> str:
    """The name on the instance of a database of an application."""
    return f"{application}_{database}"


def login_sid(login: str) -> str:
    """The SID of a login when none is given: ``0x`` and 32 digits, the same for each run, as a plan needs."""
    return "0x" + uuid.uuid5(SID_NAMESPACE, login.lower()).hex.upper()


def added_login_sid(application: str, name: str) -> str:
    """The SID of a further login when none is given. It tells the application, which the name alone does not:
    no name holds a slash."""
    return login_sid(f"{application}/{name}")


def name_problems(what: str, value: object) -> list[str]:
    """Why ``value`` cannot name an application or database: a list of sentences, empty when it can."""
    if not isinstance(value, str) or not NAME.fullmatch(value) or "__" in value:
        return [
            f"{what} {value!a} is not usable: use letters (A-Z, a-z), digits and single underscores, "
            "beginning with a letter and not ending with an underscore."
        ]
    if len(value) > NAME_LENGTH:
        return [
            f"{what} has {len(value)} characters, at most {NAME_LENGTH} are possible: choose a shorter one."
        ]
    return []


def password_problems(password: str | None, login: str) -> list[str]:
    """Why SQL Server would refuse the login's password, without telling it; empty when none is given."""
    if password is None:
        return []
    if not isinstance(password, str):
        return ["application_password: it is not text, so its characters are not certain. Put it in quotes."]
    try:
        check_possible_password(password)
        check_password_policy(password, login)
    except InvalidInput as exc:
        return [f"application_password: {exc.problem}. {exc.remedy}"]
    return []


def own_sids(application: str, given: dict[str, str | None] | None = None) -> dict[str, str]:
    """The SIDs of an application's own two logins, by option: those ``given``, else made of the names."""
    made = {
        "application_owner_sid": login_sid(owner_login(application)),
        "application_login_sid": login_sid(customer_login(application)),
    }
    return {option: (given or {}).get(option) or sid for option, sid in made.items()}


def sid_problems(sids: dict[str, str]) -> list[str]:
    """Why the SIDs, option by option, cannot be those of as many logins."""
    problems = []
    found: set[str] = set()
    for option, given in sids.items():
        try:
            sid = normalise_sid(str(given))
        except InvalidInput as exc:
            problems.append(f"{option}: {exc.problem}. {exc.remedy}")
            continue
        if sid in found:
            problems.append(f"{option}: it is the other login's already. Give each login a SID of its own.")
        found.add(sid)
    return problems


def _setting_problems(name: str, entry: dict) -> list[str]:
    """What is wrong with a database's other options; the rest of it only the instance can tell."""
    problems = []
    level = entry.get("compatibility_level")
    for check, value, option in (
        (check_collation_name, entry.get("collation") or None, "collation"),
        (check_possible_level, None if level is None else int(level), "compatibility_level"),
    ):
        try:
            check(value, field=f"application_databases: {option} of {name}")
        except InvalidInput as exc:
            problems.append(str(exc))
    return problems


class Sizes:
    """Reads sizes and notes what is wrong with them."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems

    def mib(self, field: str, value: str, *, largest: int) -> int:
        """The size in MiB, 0 when it cannot be read."""
        try:
            mib = parse_mib(value, field=field)
        except InvalidInput as exc:
            self.problems.append(str(exc))
            return 0
        if mib < SMALLEST_MIB:
            self.problems.append(
                f"{field}: {value} is less than the smallest file ({SMALLEST_MIB}MiB): ask for more."
            )
        elif mib > largest:
            self.problems.append(
                f"{field}: {value} is more than SQL Server allows ({format_mib(largest)}): ask for less."
            )
        return mib


def layout(
    application: str,
    databases: list[dict],
    *,
    data_limit: str,
    log_limit: str,
    password: str | None = None,
    sids: dict[str, str | None] | None = None,
) -> dict:
    """The databases of a booking in full, and what is wrong with it.

    ``databases`` is a list of dicts with ``name`` and, where they differ from the defaults, ``data_limit``
    and ``log_limit`` (sizes with a unit, as ``10GiB``); ``sids`` maps options to the SIDs that are given, the
    others are made of the names. Returns
    ``{"problems": [sentence…], "databases": [{"name", "database", "data_limit", …}], "access": [{"name"}]}``;
    the sizes are ready to be given to ``mssql_database``, ``access`` to ``mssql_login`` once it holds what
    the login may do there.
    """
    problems = name_problems("application_name", application)
    problems += password_problems(password, customer_login(application))
    problems += sid_problems(own_sids(application, sids))
    sizes = Sizes(problems)
    if not databases:
        problems.append("application_databases is empty: name at least one database.")
    full = []
    seen: set[str] = set()
    for entry in databases:
        name = entry.get("name")
        wrong = name_problems("application_databases: name", name)
        problems.extend(wrong)
        if wrong:
            continue
        if name.lower() in RESERVED_DATABASES:
            problems.append(f"application_databases: name {name} is reserved by SQL Server: choose another.")
        if name.lower() in seen:
            problems.append(
                f"application_databases: {name} is there twice: give each database a name of its own."
            )
        seen.add(name.lower())
        problems += _setting_problems(name, entry)
        data = sizes.mib(
            f"application_databases: data_limit of {name}",
            entry.get("data_limit") or data_limit,
            largest=LARGEST_DATA_MIB,
        )
        log = sizes.mib(
            f"application_databases: log_limit of {name}",
            entry.get("log_limit") or log_limit,
            largest=LARGEST_LOG_MIB,
        )
        full.append(
            {
                "name": name,
                "database": database_name(application, name),
                "wanted_mib": data + log,
                "data_limit": f"{data}MiB",
                "log_limit": f"{log}MiB",
                "data_initial": f"{min(INITIAL_MIB, data)}MiB",
                "log_initial": f"{min(INITIAL_MIB, log)}MiB",
                **{option: entry.get(option) for option in PASSED_ON},
            }
        )
    return {
        "problems": problems,
        "databases": full,
        "access": [{"name": entry["database"]} for entry in full],
    }


def _foreign_problems(
    login: dict | None, option: str, given: str | None, *, derived: str = "", of: str = "application"
) -> list[str]:
    """Why a login with the right name is not the application's: no booking made it, its SID is another.

    ``derived`` is the SID when none is given, ``of`` what should get another name.
    """
    if login is None:
        return []
    try:
        wanted = normalise_sid(str(given)) if given else derived or login_sid(login["name"])
    except InvalidInput as exc:
        return [f"{option}: {exc.problem}. {exc.remedy}"]
    if login.get("sid") == wanted:
        return []
    return [
        f"a login {login['name']} is there that no booking made (its SID is {login.get('sid')}, not "
        f"{wanted}): choose another name for the {of}; if it is the application's, give its SID as "
        f"{option}"
    ]


def belonging(
    application: str,
    *,
    logins: list[dict],
    databases: list[dict],
    owner_sid: str | None = None,
    customer_sid: str | None = None,
    added_sids: dict[str, str] | None = None,
    asked: str | None = None,
) -> dict:
    """What of an application is on an instance, from what ``mssql_discover`` saw.

    ``logins`` and ``databases`` are the lists of those subsets. Names compare without case, so that ``Shop``
    finds ``shop`` under every collation; the SIDs of the logins must be those given (``added_sids`` by the
    short names of further logins), else those made from the names. ``asked`` is the short name of a login
    that is wanted. Returns ``{"owner", "login"}`` (the names as spelt there, or None), ``"databases"``:
    ``[{"name", "state", "user_access", "deleted"}]`` of those that the owner login owns, ``"added"``:
    ``[{"name", "login", "enabled"}]`` of further logins, ``"asked"``: the name of the login asked for as
    spelt there, or None, and ``"problems"``: sentences about logins that have the names but are somebody
    else's.
    """
    names = {login["name"].lower(): login for login in logins}
    owner = names.get(owner_login(application).lower())
    customer = names.get(customer_login(application).lower())
    foreign_owner = _foreign_problems(owner, "application_owner_sid", owner_sid)
    foreign_customer = _foreign_problems(customer, "application_login_sid", customer_sid)
    owner = None if foreign_owner else owner
    customer = None if foreign_customer else customer
    owned = []
    for database in databases:
        if owner is not None and (database.get("owner") or "").lower() == owner["name"].lower():
            owned.append(
                {
                    "name": database["name"],
                    "state": (database.get("state") or "unknown").lower(),
                    "user_access": (database.get("user_access") or "unknown").lower(),
                    "deleted": DELETED.search(database["name"]) is not None,
                }
            )
    added, foreign_added = _added(application, logins, added_sids or {}, asked)
    wanted = added_login(application, asked or MAIN_LOGIN).lower()
    ours = [customer["name"]] if customer else []
    ours += [entry["login"] for entry in added]
    return {
        "owner": owner and owner["name"],
        "login": customer and customer["name"],
        "login_enabled": bool(customer) and not customer.get("is_disabled"),
        "added": sorted(added, key=lambda entry: entry["login"]),
        "asked": next((name for name in ours if name.lower() == wanted), None),
        "databases": sorted(owned, key=lambda entry: entry["name"]),
        "problems": foreign_owner + foreign_customer + foreign_added,
    }


def _added(
    application: str, logins: list[dict], sids: dict[str, str], asked: str | None
) -> tuple[list[dict], list[str]]:
    """The further logins of an application, and why the one that is asked for is none.

    Others that only begin alike are left out in silence: they may be those of ``shop_eu``.
    """
    given = {name.lower(): sid for name, sid in sids.items()}
    prefix = added_login(application, "").lower()
    found, problems = [], []
    for login in logins:
        name = login["name"][len(prefix) :]
        if not login["name"].lower().startswith(prefix) or name.lower() in (MAIN_LOGIN, OWNER_LOGIN, ""):
            continue
        option = f"application_added_login_sids: {name}"
        derived = added_login_sid(application, name)
        foreign = _foreign_problems(login, option, given.get(name.lower()), derived=derived, of="login")
        if not foreign:
            found.append({"name": name, "login": login["name"], "enabled": not login.get("is_disabled")})
        elif asked is not None and name.lower() == asked.lower():
            problems += foreign
    return found, problems


def is_deleted_form(name: str, database: str) -> bool:
    """Whether ``name`` is what ``database`` was called when it was put out of reach."""
    return DELETED.sub("", name).lower() == database.lower() and DELETED.search(name) is not None


def only_database(owned: list[dict], application: str, database: str) -> list[dict]:
    """Of the databases that :func:`belonging` found, the one asked for, also when it is marked as deleted."""
    wanted = database_name(application, database).lower()
    return [entry for entry in owned if DELETED.sub("", entry["name"]).lower() == wanted]
