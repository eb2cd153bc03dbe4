"""Keeping an instance's state on disk: one JSON file, replaced as a whole after each change.

Holds databases, files, logins (password hashes, never passwords), users, roles, grants, configuration and
backups.
User tables and their rows are not kept: after a restart a database is there with its size, without its
tables.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from simulator.errors import TopologyError
from simulator.estate.database import Database
from simulator.estate.files import DatabaseFile
from simulator.estate.principals import DatabaseRole, Grant, Login, Schema, Securable, ServerRole, User
from simulator.estate.volumes import StoredFile
from simulator.utf16 import in_units

if TYPE_CHECKING:
    from simulator.estate.instance import Instance

VERSION = 1
_NOT_KEPT = {"instance", "tables", "contained_in", "single_user_spid"}


def save(instance: Instance, path: Path) -> None:
    """Write the state; the old file stays whole until the new one is.

    The file is readable by its owner only.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_state(instance), default=_encode)  # an indent would cost the C encoder
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8", errors="surrogatepass")
    fresh.replace(path)


def load(instance: Instance, path: Path) -> None:
    """Fill a new instance with the state kept.

    Raises :class:`TopologyError` if the file is not one of ours.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="surrogatepass")
        state = in_units(json.loads(text, object_hook=_decode))
        if state["version"] != VERSION:
            raise TopologyError(f"{path}: was written by another version of the simulator; remove it")
        _fill(instance, state)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise TopologyError(f"{path}: is not a state file of the simulator ({exc}); remove it") from exc


def _state(instance: Instance) -> dict[str, Any]:
    return {
        "version": VERSION,
        "instance": instance.name,
        "collation": instance.collation_name,
        "logins": [_plain(x) for x in instance.logins],
        "roles": [_plain(x) for x in instance.roles],
        "grants": [_plain(g) for g in sorted(instance.grants, key=str)],
        "databases": [_database(d) for d in instance.databases],
        "configured": instance.configured,
        "backups": instance.backups,
        "jobs": instance.jobs,
        "files": [_plain(f) for f in instance.disk.files.values()],
        "folders": sorted(instance.disk.folders),
    }


def _plain(thing: Any) -> dict[str, Any]:
    return {f.name: getattr(thing, f.name) for f in fields(thing) if f.name not in _NOT_KEPT}


def _database(database: Database) -> dict[str, Any]:
    inside = {
        "files": [_plain(f) for f in database.files],
        "users": [_plain(u) for u in database.users],
        "roles": [_plain(r) for r in database.roles],
        "schemas": [_plain(s) for s in database.schemas],
        "securables": [_plain(s) for s in database.securables],
        "grants": [_plain(g) for g in sorted(database.grants, key=str)],
    }
    return _plain(database) | inside


def _fill(instance: Instance, state: dict[str, Any]) -> None:
    instance.collation_name = state["collation"]
    instance.logins = [Login(**x) for x in state["logins"]]
    instance.roles = [_role(ServerRole, x) for x in state["roles"]]
    instance.grants = {Grant(**g) for g in state["grants"]}
    instance.configured |= state["configured"]
    instance.backups = state["backups"]
    instance.jobs = state.get("jobs", [])
    instance.disk.folders |= set(state["folders"])
    for file in state["files"]:
        stored = StoredFile(**file)
        instance.disk.put(stored.path, stored.size, stored.kind)
    for each in state["databases"]:
        inside: dict[str, Any] = {
            "files": [DatabaseFile(**f) for f in each["files"]],
            "users": [User(**u) for u in each["users"]],
            "roles": [_role(DatabaseRole, r) for r in each["roles"]],
            "schemas": [Schema(**s) for s in each["schemas"]],
            "securables": [Securable(**s) for s in each.get("securables", [])],
            "grants": {Grant(**g) for g in each["grants"]},
        }
        instance.databases.append(Database(instance, **(each | inside)))


def _role(kind: Callable[..., Any], record: dict[str, Any]) -> Any:
    return kind(**(record | {"members": set(record["members"])}))


def _encode(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, UUID):
        return {"$uuid": str(value)}
    if isinstance(value, set):
        return sorted(value)
    raise TypeError(f"cannot keep {type(value).__name__}")


def _decode(record: dict[str, Any]) -> Any:
    if len(record) == 1:
        if "$bytes" in record:
            return base64.b64decode(record["$bytes"])
        if "$time" in record:
            return datetime.fromisoformat(record["$time"])
        if "$uuid" in record:
            return UUID(record["$uuid"])
    return record
