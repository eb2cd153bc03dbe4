# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which statements bring a database from what it is to what is asked: pure functions, no session."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import Change, named
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    DatabaseMissing,
    DatabaseNotReady,
    InUse,
    InvalidInput,
    ObjectExists,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import mib_in_words
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.files import KINDS, decide_file
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.state import Database

# What a database must not be while it is in an availability group (1468).
_NOT_IN_A_GROUP = {"recovery_model": "simple", "user_access": "single_user"}
_LEAVE_GROUP = "Take it out of its availability group first (ALTER AVAILABILITY GROUP … REMOVE DATABASE)."
# States in which SET ONLINE may help. SUSPECT and RESTORING need a restore or a repair.
_CAN_COME_ONLINE = ("offline", "recovery_pending", "emergency")

Planned = Callable[[str], bool]


def decide_create(
    name: str, params: dict, *, specs: list, collation: str | None, closes: bool = False
) -> list:
    """CREATE DATABASE, then every setting that was asked for: a new database's own settings are model's.

    ``specs`` are the file specifications ([] leaves files to the server); ``collation`` is spelt as on the
    server. ``closes``: a new database has AUTO_CLOSE ON there; it is switched off unless that was asked for.
    """
    create = Change(
        "database/create",
        f"create database {named(name)}{_limits(specs)}",
        creates=f"database:{name}",
        name=name,
        containment=_upper(params["containment"]),
        collation=collation,
        files=specs,
    )
    if params["auto_close"] is not True and not closes:
        return [create, *settings_of_new(name, dict(params, auto_close=None))]
    return [create, *settings_of_new(name, dict(params, auto_close=bool(params["auto_close"])))]


def settings_of_new(name: str, params: dict) -> list:
    """Every setting asked for, also what may be the default anyway: what an approver reads is complete."""
    fresh = Database(name)
    return decide_settings(
        fresh, dict(params, collation=None, containment=None), planned=lambda _thing: False
    )


def decide_settings(
    database: Database, params: dict, *, planned: Planned, collation: str | None = None
) -> list:
    """Changes of the settings of an existing database, in the order that works.

    ``planned`` tells whether an earlier task of a check-mode run already planned a thing. ``collation`` is
    the wanted one, spelt as on the server.
    """
    _refuse_in_group(database, params)
    name, terminate = database.name, bool(params["terminate_sessions"])
    changes = []
    if params["collation"] is not None and not database.same_collation and not database.is_planned:
        changes += _collation(database, collation or params["collation"], params)
    wanted = params["containment"]
    if database.differs("containment", wanted) and not database.is_planned:
        changes.append(
            Change(
                "database/set_containment",
                f"set the containment of database {named(name)} to {wanted.upper()}",
                name=name,
                containment=wanted.upper(),
                terminate=terminate,
            )
        )
    changes += _plain_settings(database, params)
    wanted = params["owner"]
    if wanted is not None and not database.same_owner:
        changes.append(
            _setting(
                "database/set_owner",
                f"make {named(wanted)} the owner of database {named(name)}",
                name,
                "owner",
                wanted,
                owner=wanted,
            )
        )
    if database.differs("user_access", params["user_access"]):
        changes.append(user_access(name, params["user_access"], terminate=terminate))
    if database.is_planned:
        changes = [change for change in changes if not planned(change.creates)]
    return changes


def _plain_settings(database: Database, params: dict) -> list:
    """Recovery model, compatibility level, read-committed snapshot."""
    name, changes = database.name, []
    wanted = params["recovery_model"]
    if database.differs("recovery_model", wanted):
        says = f"set the recovery model of database {named(name)} to {wanted.upper()}"
        changes.append(
            _setting(
                "database/set_recovery", says, name, "recovery_model", wanted, recovery_model=wanted.upper()
            )
        )
    wanted = params["compatibility_level"]
    if database.differs("compatibility_level", wanted):
        says = f"set the compatibility level of database {named(name)} to {wanted}"
        changes.append(
            _setting(
                "database/set_compatibility_level", says, name, "compatibility_level", wanted, level=wanted
            )
        )
    wanted = params["read_committed_snapshot"]
    if database.differs("read_committed_snapshot", wanted):
        word = "ON" if wanted else "OFF"
        changes.append(
            _setting(
                "database/set_read_committed_snapshot",
                f"switch read-committed snapshot of database {named(name)} {word.lower()}",
                name,
                "read_committed_snapshot",
                word,
                switch=word,
                terminate=bool(params["terminate_sessions"]),
            )
        )
    wanted = params["auto_close"]
    if database.differs("auto_close", wanted):
        changes.append(set_auto_close(name, on=wanted))
    return changes


def set_auto_close(name: str, *, on: bool) -> Change:
    """SET AUTO_CLOSE: with ON the database is shut down, and hides its collation, while nobody is in it."""
    word = "ON" if on else "OFF"
    says = f"switch auto-close of database {named(name)} {word.lower()}"
    return _setting("database/set_auto_close", says, name, "auto_close", word, switch=word)


def _setting(template: str, says: str, name: str, option: str, wanted: object, **values: object) -> Change:
    return Change(template, says, creates=f"database:{name}/{option}={wanted}", name=name, **values)


def user_access(name: str, wanted: str, *, terminate: bool) -> Change:
    """SET MULTI_USER | RESTRICTED_USER | SINGLE_USER; ends sessions, or fails at once when there are some."""
    says = f"set who may enter database {named(name)} to {wanted.upper()}" + _ending(terminate)
    return Change(
        "database/set_user_access",
        says,
        creates=f"database:{name}/user_access={wanted}",
        name=name,
        access=wanted.upper(),
        terminate=terminate,
    )


def _collation(database: Database, collation: str, params: dict) -> list:
    """COLLATE takes no termination clause, so sessions are ended by restricting access first."""
    change = Change(
        "database/set_collation",
        f"set the collation of database {named(database.name)} to {named(collation)}",
        name=database.name,
        collation=collation,
    )
    if not params["terminate_sessions"]:
        return [change]
    restrict = user_access(database.name, "restricted_user", terminate=True)
    if database.user_access == "restricted_user" or params["user_access"] not in (None, database.user_access):
        return [restrict, change]
    return [restrict, change, user_access(database.name, database.user_access, terminate=False)]


def decide_files(database: Database, wishes: dict) -> tuple:
    """(changes, notes) for the primary data file and the first log file of an existing database."""
    changes, notes = [], []
    for kind in KINDS:
        if not wishes[kind].is_given:
            continue
        if database.is_planned:
            notes.append(
                f"The {kind} file's sizes are taken to be as the task that creates [{database.name}] asks."
            )
            continue
        file = database.file(kind)
        more, remarks = decide_file(database.name, file, wishes[kind])
        changes += more
        notes += remarks
        if database.count_files(kind) > 1:
            notes.append(
                f"[{database.name}] has {database.count_files(kind)} {kind} files; "
                f"only the first, {file.name}, is managed."
            )
    return changes, notes


def decide_online(database: Database) -> list:
    """SET ONLINE where it can help. Raises :class:`DatabaseNotReady` where it cannot."""
    if database.state == "online":
        return []
    if database.state not in _CAN_COME_ONLINE:
        raise not_ready(database, "brought online")
    return [set_online(database.name)]


def set_online(name: str) -> Change:
    return Change(
        "database/set_online",
        f"bring database {named(name)} online",
        creates=f"database:{name}/state=online",
        name=name,
    )


def decide_offline(database: Database, *, terminate: bool) -> list:
    """SET OFFLINE, unless it is. A database in an availability group refuses it."""
    if database.state == "offline":
        return []
    if database.state == "restoring":
        raise not_ready(database, "taken offline")
    if database.in_availability_group:
        raise in_group(database, "cannot be taken offline")
    says = f"take database {named(database.name)} offline" + _ending(terminate)
    return [
        Change(
            "database/set_offline",
            says,
            creates=f"database:{database.name}/state=offline",
            name=database.name,
            terminate=terminate,
        )
    ]


def decide_absent(database: Database, snapshots: list, params: dict) -> tuple:
    """(changes, files that will stay on disk).

    An offline database is brought online first, because DROP leaves the files of an offline database behind
    (DROP DATABASE on Microsoft Learn). RESTRICTED_USER rather than SINGLE_USER: somebody else might take the
    single place. A RESTORING, SUSPECT or RECOVERY_PENDING database has no sessions and is dropped as it is.
    """
    name, terminate = database.name, params["terminate_sessions"]
    if database.is_snapshot:
        raise InvalidInput(
            field="name",
            problem=f"[{name}] is a database snapshot, not a database",
            remedy="Name the source database with drop_snapshots: true, or drop the snapshot by hand.",
        )
    if database.in_availability_group:
        raise in_group(database, "cannot be dropped")
    if database.state in ("recovering", "copying"):
        raise not_ready(database, "dropped")
    if snapshots and not params["drop_snapshots"]:
        raise InUse(
            f"database [{name}] has snapshots: {', '.join(f'[{each}]' for each in snapshots)}",
            database=name,
            remedy="Set drop_snapshots: true, or drop them first.",
        )
    changes = [
        Change(
            "database/drop",
            f"drop snapshot {named(each)} of database {named(name)}",
            object=f"snapshot:{each}",
            creates=f"snapshot:{each}/state=absent",
            name=each,
        )
        for each in snapshots
    ]
    left = []
    if database.state == "offline":
        changes.append(set_online(name))
    elif database.state == "online":
        left = [file.path for file in database.files if file.state == "offline"]
    if terminate and database.state in ("online", "offline"):
        changes.append(user_access(name, "restricted_user", terminate=True))
    gone = f"database:{name}/state=absent"
    changes.append(Change("database/drop", f"drop database {named(name)}", creates=gone, name=name))
    return changes, left


def decide_renamed(
    old: Database | None, new: Database | None, name: str, new_name: str, params: dict
) -> list:
    """MODIFY NAME, unless it is done. Both names present is an error, as is neither.

    With terminate_sessions access is restricted first; afterwards it is as user_access asks, or as it was.
    """
    access, terminate = params["user_access"], params["terminate_sessions"]
    if old is not None and new is not None and old.database_id == new.database_id and not old.is_planned:
        new = (
            None if old.name != new_name else new
        )  # the same database, asked for in another case of its letters
        old = None if new is not None else old
    if old is None and new is None:
        raise DatabaseMissing(
            f"neither [{name}] nor [{new_name}] exists",
            database=name,
            remedy="Check the names, or create it.",
        )
    if old is None:
        return (
            [] if access in (None, new.user_access) else [user_access(new.name, access, terminate=terminate)]
        )
    if new is not None and new.is_planned:
        return []  # an earlier task of this check-mode run planned the renaming
    if new is not None:
        raise ObjectExists(
            f"[{name}] cannot be renamed, a database [{new.name}] exists already",
            database=name,
            remedy="Choose another new_name, or see which of the two databases is the right one.",
        )
    if old.in_availability_group:
        raise in_group(old, "cannot be renamed")
    if old.state != "online":
        raise not_ready(old, "renamed")
    rename = Change(
        "database/rename",
        f"rename database {named(old.name)} to {named(new_name)}",
        creates=f"database:{new_name}",
        name=old.name,
        new_name=new_name,
    )
    if not terminate:
        after = [] if access in (None, old.user_access) else [user_access(new_name, access, terminate=False)]
        return [rename, *after]
    wanted = access or old.user_access
    after = [] if wanted == "restricted_user" else [user_access(new_name, wanted, terminate=False)]
    return [user_access(old.name, "restricted_user", terminate=True), rename, *after]


def _refuse_in_group(database: Database, params: dict) -> None:
    if not database.in_availability_group:
        return
    for option, value in _NOT_IN_A_GROUP.items():
        if params[option] == value and getattr(database, option) != value:
            raise in_group(database, f"cannot have {option}: {value}")


def in_group(database: Database, what: str) -> InUse:
    """The refusal for a database of an availability group."""
    return InUse(
        f"database [{database.name}] is in an availability group and {what}",
        database=database.name,
        remedy=_LEAVE_GROUP,
    )


def not_ready(database: Database, what: str) -> DatabaseNotReady:
    """The refusal for a database in a state in which nothing can be done, with what helps."""
    remedies = {
        "offline": "Bring it online first (state: online).",
        "restoring": "Finish the restore (RESTORE DATABASE … WITH RECOVERY), or drop it (state: absent).",
        "recovering": "Wait until recovery has ended and run again.",
        "copying": "Wait until the copy has ended and run again.",
        "suspect": "Restore it from a backup; the instance's error log says why.",
    }
    return DatabaseNotReady(
        f"database [{database.name}] is {database.state.upper()} and cannot be {what}",
        database=database.name,
        remedy=remedies.get(database.state, "The instance's error log says why."),
    )


def _limits(specs: list) -> str:
    """``, at most 20 GiB of data and 5 GiB of log``: what CREATE DATABASE is told of the files' limits."""
    most = [
        f"{mib_in_words(spec['max_mib'])} of {spec['kind']}" for spec in specs if spec["max_mib"] is not None
    ]
    return f", at most {' and '.join(most)}" if most else ""


def _ending(terminate: bool) -> str:
    return " and end its sessions" if terminate else ""


def _upper(value: str | None) -> str | None:
    return None if value is None else value.upper()
