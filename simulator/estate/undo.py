"""Taking back what an administrative statement changed of logins, users, roles, schemas and grants.

A picture of them before and after the statement tells what it changed, and only that is put back, so that
what other sessions did meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from simulator.estate.instance import Instance

_OF_INSTANCE = ("logins", "roles", "grants")
_OF_DATABASE = ("owner_sid", "users", "roles", "schemas", "securables", "grants")

# id -> (the thing, its attributes' values at that moment)
Picture = dict[int, tuple[Any, dict[str, Any]]]


def picture(instance: Instance) -> Picture:
    """Every principal, schema and grant of ``instance`` and its databases as they are now."""
    found: Picture = {}
    _look(found, instance, _OF_INSTANCE)
    for principal in (*instance.logins, *instance.roles):
        _look(found, principal, vars(principal))
    for database in instance.databases:
        _look(found, database, _OF_DATABASE)
        for inside in (*database.users, *database.roles, *database.schemas, *database.securables):
            _look(found, inside, vars(inside))
    return found


def _look(found: Picture, thing: Any, names: Iterable[str]) -> None:
    values = {name: getattr(thing, name) for name in names}
    found[id(thing)] = (thing, {n: v.copy() if isinstance(v, (list, set)) else v for n, v in values.items()})


def taking_back(before: Picture, after: Picture) -> Callable[[], None]:
    """How to undo what changed between two pictures of the same instance."""
    changes = [
        (thing, name, value, after[key][1][name])
        for key, (thing, values) in before.items()
        if key in after
        for name, value in values.items()
        if after[key][1][name] != value
    ]

    def undo() -> None:
        for thing, name, old, new in changes:
            setattr(thing, name, _restored(getattr(thing, name), old, new))

    return undo


def _restored(now: Any, old: Any, new: Any) -> Any:
    if isinstance(old, set):
        return (now - (new - old)) | (old - new)
    if isinstance(old, list):
        kept = [item for item in now if item in old or item not in new]
        return kept + [item for item in old if item not in new and item not in kept]
    return old
