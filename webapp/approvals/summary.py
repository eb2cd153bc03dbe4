"""What a list of statements does, in one sentence, and its statements by object. Pure.

Names stand between backticks; pages set them in monospace. What a statement does is told by its template,
which is part of the plan's hash, and by the names in its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

MIB_PER_GIB = 1024
MOST_PARTS = 8  # of a sentence; the statements themselves follow below it
MOST_RIGHTS = 6  # of one user
_NAME = re.compile(r"\[((?:[^\]]|\]\])+)\]")
_LIMIT = re.compile(r"MAXSIZE = (\d+)MB")
_FILE = re.compile(r"MODIFY FILE \(NAME = N'((?:[^']|'')*)'")

# What a template does to the object that its text names first.
_VERBS = {
    "database/drop": "drops database",
    "database/set_owner": "sets the owner of",
    "database/set_file_size": "sets a file's size of",
    "database/set_file_growth": "sets a file's growth of",
    "database/set_online": "brings online",
    "database/set_offline": "takes offline",
    "database/set_user_access": "restricts who enters",
    "database/set_recovery": "sets the recovery model of",
    "database/set_collation": "sets the collation of",
    "database/set_compatibility_level": "sets the compatibility level of",
    "database/set_read_committed_snapshot": "sets row versioning of",
    "database/set_containment": "sets the containment of",
    "login/drop": "drops login",
    "login/disable": "disables login",
    "login/enable": "enables login",
    "login/set_password": "sets a new password for login",
    "login/add_server_role": "adds to server role",
    "login/drop_server_role": "removes from server role",
    "login/set_check_policy": "sets the password policy of login",
    "login/set_check_expiration": "sets password expiration of login",
    "login/set_default_database": "sets the default database of login",
    "user/drop": "removes user",
    "user/repair": "ties to its login again user",
    "user/set_default_schema": "sets the default schema of user",
}


class Statement(Protocol):
    """What is read of a statement."""

    template: Any
    text: Any
    database: Any
    creates: Any
    inventory_host: Any
    instance: Any


@dataclass
class _Rights:
    databases: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)


def summary(statements: Sequence[Statement]) -> str:
    """``4 statements on sql03: creates database `shop_db` (max 20 GiB); creates login `shop_app` with …``."""
    if not statements:
        return "No statement: the target is already as it was asked for."
    hosts = list(dict.fromkeys(one.inventory_host or one.instance for one in statements))
    count = f"{len(statements)} {'statement' if len(statements) == 1 else 'statements'} on {', '.join(hosts)}"
    parts = _parts(statements)
    more = len(parts) - MOST_PARTS
    shown = (
        [*parts[:MOST_PARTS], f"and {more} {'thing' if more == 1 else 'things'} more"] if more > 0 else parts
    )
    return f"{count}: {'; '.join(shown)}."


def _parts(statements: Sequence[Statement]) -> list[str]:
    created = {_names(one)[0] for one in statements if one.template == "login/create" and _names(one)}
    disabled = {_names(one)[0] for one in statements if one.template == "login/disable" and _names(one)}
    rights = _rights(statements)
    parts: list[str] = []
    for one in statements:
        parts += _part(one, created=created, disabled=disabled, rights=rights)
    parts += [
        f"gives `{name}` {_in_words(found)}"
        for name, found in rights.items()
        if name not in created and found.given
    ]
    return list(dict.fromkeys(parts))


def _part(one: Statement, *, created: set[str], disabled: set[str], rights: dict[str, _Rights]) -> list[str]:
    names = _names(one)
    name = names[0] if names else ""
    match one.template:
        case "user/add_role" | "user/grant" | "user/deny":
            part = ""  # told with the login
        case "login/disable" | "user/create" if name in created:
            part = ""  # told where the login is created
        case "database/create":
            limit = _LIMIT.search(one.text)
            part = f"creates database `{name}`" + (f" (max {_size(int(limit[1]))})" if limit else "")
        case "database/rename":
            part = f"renames database `{name}` to `{names[-1]}`"
        case "database/set_owner" if len(names) > 1:
            part = f"makes `{names[1]}` the owner of `{name}`"
        case "database/set_file_max_size":
            limit, file = _LIMIT.search(one.text), _FILE.search(one.text)
            what = f" of file `{file[1]}`" if file else ""
            part = f"sets the limit{what} of `{name}` to {_size(int(limit[1])) if limit else 'another one'}"
        case "login/create":
            kind = "disabled login" if name in disabled else "login"
            part = f"creates {kind} `{name}`" + (f" with {_in_words(rights[name])}" if name in rights else "")
        case "login/end_sessions":
            part = "ends the sessions of a login"
        case "user/create":
            part = f"lets `{name}` into `{one.database}`"
        case "user/drop_role" | "user/revoke":
            part = f"takes rights from `{names[-1] if names else one.database}` in `{one.database}`"
        case template:
            verb = _VERBS.get(template, f"runs {template} on")
            where = f" in `{one.database}`" if template.startswith("user/") else ""
            part = f"{verb} `{name or one.database}`{where}"
    return [part] if part else []


def _rights(statements: Sequence[Statement]) -> dict[str, _Rights]:
    """Of each user: the roles and permissions it gets, and where."""
    found: dict[str, _Rights] = {}
    for one in statements:
        names = _names(one)
        if one.template not in ("user/add_role", "user/grant", "user/deny") or not names:
            continue
        rights = found.setdefault(names[-1], _Rights())
        if one.database not in rights.databases:
            rights.databases.append(one.database)
        if one.template == "user/deny":
            what, into = one.text.removeprefix("DENY ").split(" TO [")[0], rights.denied
        elif one.template == "user/grant":
            what, into = one.text.removeprefix("GRANT ").split(" TO [")[0], rights.given
        else:
            what, into = names[0], rights.given
        if what not in into:
            into.append(what)
    return found


def _in_words(rights: _Rights) -> str:
    """``db_datareader, EXECUTE in `shop_orders` (denied: …)``: what is denied stands apart."""
    where = "in " + ", ".join(f"`{name}`" for name in rights.databases)
    more = len(rights.given) - MOST_RIGHTS
    given = ", ".join(rights.given[:MOST_RIGHTS]) + (f" and {more} more rights" if more > 0 else "")
    denied = f"denied: {', '.join(rights.denied)}" if rights.denied else ""
    if not given:
        return f"nothing {where} ({denied})"
    return f"{given} {where}" + (f" ({denied})" if denied else "")


def _names(one: Statement) -> list[str]:
    return [name.replace("]]", "]") for name in _NAME.findall(one.text)]


def _size(mib: int) -> str:
    return f"{mib / MIB_PER_GIB:g} GiB" if mib % 512 == 0 and mib >= 512 else f"{mib} MiB"


@dataclass(frozen=True)
class Group:
    """Statements that follow each other and are about one object of one instance."""

    host: str
    title: str
    statements: list[Any]


def groups(statements: Sequence[Any]) -> list[Group]:
    """The statements in their order, those about one object together."""
    found: list[Group] = []
    for one in statements:
        host, title = str(one.inventory_host or one.instance), object_of(one)
        if found and (found[-1].host, found[-1].title) == (host, title):
            found[-1].statements.append(one)
        else:
            found.append(Group(host, title, [one]))
    return found


def object_of(one: Statement) -> str:
    """``Login `shop_app```, ``User `shop_app` in `shop_orders```, ``Database `shop_orders```."""
    kind = str(one.template).partition("/")[0]
    name = str(one.creates or "").partition(":")[2]
    if kind == "user":
        user = name.split("/")[1] if name.count("/") else (_names(one) or [""])[-1]
        return f"User `{user}` in `{one.database}`"
    names = _names(one)
    named = names[0] if names else name.partition("/")[0]
    if kind in ("database", "login"):
        return f"{kind.capitalize()} `{named}`" if named else f"{kind.capitalize()}s"
    return kind.capitalize()


def left_behind(statements: Sequence[Statement]) -> list[str]:
    """The objects that are there afterwards and were not before, in words."""
    found = []
    for one in statements:
        kind, _, name = str(one.creates or "").partition(":")
        if one.template == "database/rename":
            found.append(f"Database `{name}`, renamed and kept")
        elif one.template in ("database/create", "login/create"):
            found.append(f"{kind.capitalize()} `{name}`")
        elif one.template == "user/create":
            database, _, user = name.partition("/")
            found.append(f"User `{user}` in `{database}`")
        elif one.template in ("database/drop", "login/drop"):
            names = _names(one)
            found.append(f"No {one.template.partition('/')[0]} `{names[0] if names else ''}` any more")
    return list(dict.fromkeys(found))
