# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""mssql_database: one database, from its present state to the one asked for."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import (
    apply_changes,
    require_as_asked,
    settled,
    summarise,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    DatabaseMissing,
    InvalidInput,
    MssqlError,
    ObjectExists,
    PermissionDenied,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.checks import (
    EXPRESS,
    check_containment,
    check_edition,
    check_free_space,
    check_input,
    check_level,
    check_owner,
    growth_needs,
    known_collation,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.decide import (
    decide_absent,
    decide_create,
    decide_files,
    decide_offline,
    decide_online,
    decide_renamed,
    decide_settings,
    not_ready,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.files import (
    KINDS,
    FileWish,
    Model,
    file_specs,
    free_paths,
    path_starts,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.state import Database

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {
        "type": "str",
        "choices": ["present", "absent", "online", "offline", "renamed"],
        "default": "present",
    },
    "new_name": {"type": "str"},
    "collation": {"type": "str"},
    "recovery_model": {"type": "str", "choices": ["full", "simple", "bulk_logged"]},
    "containment": {"type": "str", "choices": ["none", "partial"]},
    "owner": {"type": "str"},
    "compatibility_level": {"type": "int"},
    "read_committed_snapshot": {"type": "bool"},
    "auto_close": {"type": "bool"},
    "user_access": {"type": "str", "choices": ["multi_user", "restricted_user", "single_user"]},
    "data_size": {"type": "str"},
    "data_max_size": {"type": "str"},
    "data_growth": {"type": "str"},
    "log_size": {"type": "str"},
    "log_max_size": {"type": "str"},
    "log_growth": {"type": "str"},
    "terminate_sessions": {"type": "bool", "default": False},
    "drop_snapshots": {"type": "bool", "default": False},
}
SPEC_RULES = {"required_if": [("state", "renamed", ["new_name"])]}

_REMEDIES = {
    15110: "The new owner is a user in the database: drop that user first, an owner enters as dbo.",
    **dict.fromkeys(
        (5070, 5061, 5030, 5064),
        "Other sessions work in the database: set terminate_sessions: true, or try when nobody does.",
    ),
    5075: "Objects depend on the collation (computed columns, constraints …): drop them first, or keep it.",
    5069: "The driver hides the first cause, often a missing right (ALTER ANY DATABASE): see the error log.",
    5120: "A file is missing or not open to the service account: put it back, then try again.",
}


def run(session, params: dict) -> dict:
    """Observe, decide, change; the module's result. Raises :class:`MssqlError`."""
    check_input(params)
    return settled(lambda: _STATES[params["state"]](session, params))


def _observe(session, params: dict, name: str) -> tuple:
    """(the database or None, the first row). The server decides whether another case is the same name."""
    rows = session.read(
        "database/observe", database="master", name=name, owner=params["owner"], collation=params["collation"]
    )
    probe = rows[0]
    if probe["name"] is not None:
        return _as_planned(session, Database.from_rows(rows)), probe
    if session.is_planned(f"database:{name}"):
        offline = session.is_planned(f"database:{name}/state=offline")
        return Database.planned(name, offline=offline), probe
    if not probe["may_see"]:
        raise PermissionDenied(
            f"whether database [{name}] exists cannot be seen",
            remedy="Grant the login VIEW ANY DATABASE (public has it unless it was denied).",
        )
    return None, probe


def _as_planned(session, database: Database) -> Database | None:
    """In check mode, an existing database as an earlier task would have left it: offline, online or gone."""
    key = f"database:{database.name}"
    if session.is_planned(f"{key}/state=absent") and not session.is_planned(key):
        return None
    for state, other in (("online", "offline"), ("offline", "online")):
        if session.is_planned(f"{key}/state={state}") and not session.is_planned(f"{key}/state={other}"):
            database.state = state
    return database


def _present(session, params: dict) -> dict:
    wishes = {kind: FileWish(kind, params) for kind in KINDS}
    database, probe = _observe(session, params, params["name"])
    if database is None:
        return _create(session, params, wishes, probe)
    return _shape(session, params, wishes, database, probe)


def _online(session, params: dict) -> dict:
    wishes = {kind: FileWish(kind, params) for kind in KINDS}
    database, probe = _observe(session, params, params["name"])
    if database is None:
        raise _missing(params["name"])
    first = decide_online(database)
    notes = []
    if first and database.collation is None and params["collation"] is not None:
        notes.append("An offline database does not show its collation: it will be compared by the next run.")
    return _shape(session, params, wishes, database, probe, first=first, notes=notes)


def _create(session, params: dict, wishes: dict, probe: dict) -> dict:
    name = params["name"]
    check_owner(session, params, probe)
    check_level(session, params)
    check_containment(session, params["containment"])
    check_edition(session, wishes["data"], grows=True)
    collation = known_collation(session, params["collation"])
    folders = {"data": session.server.default_data_path, "log": session.server.default_log_path}
    model = Model(session.read("database/model", database="master"))
    specs = []
    if all(folders.values()):
        rows = session.read("database/paths_taken", database="master", starts=path_starts(name, folders))
        paths = free_paths(name, folders, [row["physical_name"] for row in rows])
        specs = file_specs(name, wishes, paths, model)
    notes = model.notes(wishes)
    if not specs and any(wish.is_given for wish in wishes.values()):
        raise InvalidInput(
            field="data_size",
            problem="the instance does not tell its default paths, so files cannot be laid out",
            remedy="Set the instance's default data and log path, or leave the sizes out.",
        )
    sizes = [(spec, spec["size_mib"] or model.size_mib(spec["kind"])) for spec in specs]
    needs = [(f"{spec['kind']}_size", spec["path"], mib) for spec, mib in sizes if mib]
    notes += check_free_space(session, needs)
    closes = model.auto_close is not False or session.server.engine_edition == EXPRESS
    changes = decide_create(name, params, specs=specs, collation=collation, closes=closes)
    try:
        apply_changes(session, changes[:1], _REMEDIES)
    except ObjectExists as exc:
        database = _created_after_all(session, params, exc)
        return _shape(session, params, wishes, database, probe, first=[], notes=notes, before={})
    try:
        apply_changes(session, changes[1:], _REMEDIES)
    except MssqlError as exc:
        exc.remedy = f"{exc.remedy} The database was created; run again to go on.".strip()
        raise
    return _result(session, params, changes, notes, before={}, planned=_planned_new(name, params, model))


def _created_after_all(session, params: dict, exc: MssqlError) -> Database:
    """The database that somebody created between our look and our statement (1801); else raises ``exc``."""
    if exc.number != 1801:
        raise exc
    database, _probe = _observe(session, params, params["name"])
    if database is None:
        raise exc
    return database


def _shape(
    session,
    params: dict,
    wishes: dict,
    database: Database,
    probe: dict,
    *,
    first=None,
    notes=None,
    before=None,
):
    """Bring an existing database to the options' values; ``first`` are changes to be made before."""
    first, notes = list(first or []), list(notes or [])
    if database.name != params["name"]:
        notes.append(f"It exists under the name [{database.name}].")
    collation = None
    if not database.same_collation:
        collation = known_collation(session, params["collation"])
    if params["owner"] is not None and not database.same_owner:
        check_owner(session, params, probe)
    if params["collation"] is not None and "collation" in database.untold and not first:
        notes.append(
            f"[{database.name}] does not tell its collation (shut down by AUTO_CLOSE, or not open): "
            "it was not compared."
        )
    if database.differs("compatibility_level", params["compatibility_level"]):
        check_level(session, params)
    if database.differs("containment", params["containment"]) and not database.is_planned:
        check_containment(session, params["containment"])
    more, remarks = decide_files(database, wishes)
    check_edition(session, wishes["data"], grows=any("size_mib" in change.values for change in more))
    notes += remarks
    settings = decide_settings(database, params, planned=session.is_planned, collation=collation)
    if (more or settings) and not first and database.state != "online":
        raise not_ready(database, "changed")
    notes += check_free_space(session, growth_needs(database, wishes))
    changes = [*first, *more, *settings]
    old = database.as_dict() if before is None else before
    apply_changes(session, changes, _REMEDIES)
    planned = dict(
        _planned_view(database.name, params, database.as_dict()), state="online" if first else database.state
    )
    return _result(
        session,
        params,
        changes,
        notes,
        before=old,
        planned=planned,
        name=database.name,
        existed=before is None,
    )


def _offline(session, params: dict) -> dict:
    database, _probe = _observe(session, params, params["name"])
    if database is None:
        raise _missing(params["name"])
    old = database.as_dict()
    changes = decide_offline(database, terminate=params["terminate_sessions"])
    apply_changes(session, changes, _REMEDIES)
    return _result(
        session, params, changes, [], before=old, planned=dict(old, state="offline"), name=database.name
    )


def _absent(session, params: dict) -> dict:
    database, _probe = _observe(session, params, params["name"])
    if database is None:
        result = session.result(changed=False, summary=f"Database [{params['name']}] is absent, as asked.")
        return dict(result, database=None, leftover_files=[])
    snapshots = []
    if database.database_id is not None:
        rows = session.read("database/snapshots", database="master", database_id=database.database_id)
        snapshots = [row["name"] for row in rows]
    old = database.as_dict()
    changes, left = decide_absent(database, snapshots, params)
    notes = [f"It exists under the name [{database.name}]."] if database.name != params["name"] else []
    if left:
        notes.append(f"Files that were offline stay on the server's disk: {', '.join(left)}.")
    apply_changes(session, changes, _REMEDIES)
    summary = summarise(f"Database [{database.name}]", changes, notes, check_mode=session.check_mode)
    result = session.result(changed=True, summary=summary, before=old, after={})
    return dict(result, database=None, leftover_files=left)


def _renamed(session, params: dict) -> dict:
    name, new_name = params["name"], params["new_name"]
    old, _probe = _observe(session, params, name)
    new, _probe = _observe(session, params, new_name)
    changes = decide_renamed(old, new, name, new_name, params)
    before = (old or new).as_dict()
    apply_changes(session, changes, _REMEDIES)
    after = dict(before, name=new_name)
    if params["user_access"]:
        after["user_access"] = params["user_access"]
    return _result(session, params, changes, [], before=before, planned=after, name=new_name)


def _planned_new(name: str, params: dict, model: Model) -> dict:
    """A database that is yet to be created, with what it takes over from model."""
    view = _planned_view(name, params)
    if model.recovery_model is not None:
        view.setdefault("recovery_model", model.recovery_model)
    view.setdefault("auto_close", False)
    return view


def _planned_view(name: str, params: dict, known: dict | None = None) -> dict:
    """The database as it will be, as far as the options tell."""
    view = dict(known or {"name": name, "state": "online"})
    for option in ("recovery_model", "collation", "containment", "owner", "compatibility_level"):
        if params[option] is not None:
            view[option] = params[option]
    for option in ("read_committed_snapshot", "user_access", "auto_close"):
        if params[option] is not None:
            view[option] = params[option]
    return view


def _result(
    session, params: dict, changes: list, notes: list, *, before: dict, planned: dict, name=None, existed=True
):
    """The result; after changes the database is read again, in check mode the expected state is shown."""
    name = name or params["name"]
    after = planned
    if changes and not session.check_mode:
        database, _probe = _observe(session, params, name)
        if database is None:
            raise DatabaseMissing(
                f"database [{name}] is gone: somebody dropped or renamed it after the changes",
                database=name,
                remedy="Run again.",
            )
        require_as_asked(f"database [{name}]", _remaining(params, database))
        after = database.as_dict()
    elif not changes:
        after = before or planned
    summary = summarise(f"Database [{name}]", changes, notes, check_mode=session.check_mode)
    result = session.result(changed=bool(changes), summary=summary, before=before, after=after)
    return dict(result, database=after)


def _remaining(params: dict, database: Database) -> list:
    """What the database, read back, would still need."""
    state = params["state"]
    if state == "offline":
        return decide_offline(database, terminate=params["terminate_sessions"])
    if state == "renamed":
        return decide_renamed(None, database, params["name"], params["new_name"], params)
    files, _notes = decide_files(database, {kind: FileWish(kind, params) for kind in KINDS})
    # A database that is closed shows no collation: unknown is not different.
    asked = params if database.collation is not None else dict(params, collation=None)
    settings = decide_settings(database, asked, planned=lambda _thing: False)
    return [*decide_online(database), *files, *settings]


def _missing(name: str) -> DatabaseMissing:
    return DatabaseMissing(
        f"there is no database [{name}]", database=name, remedy="Create it with state: present."
    )


_STATES = {
    "present": _present,
    "online": _online,
    "offline": _offline,
    "absent": _absent,
    "renamed": _renamed,
}
