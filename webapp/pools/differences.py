"""What changed on an instance between two discoveries. Pure functions over their facts.

Load and used space differ at every look and say nothing; settings, limits and what is there do. What one of
the two could not see is not compared, but named as seen or no longer seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

Facts = dict[str, Any]

FREE_SPACE_PERCENT = 5  # of the volume: smaller moves of its free space are everyday life
_VERSION = ("product_version", "edition", "collation", "default_data_path", "default_log_path")
_DATABASE = (
    "state", "user_access", "owner", "recovery_model", "collation", "compatibility_level", "is_read_only",
    "data_size_mib", "data_max_size_mib", "log_size_mib", "log_max_size_mib",
)  # fmt: skip
_LOGIN = ("is_disabled", "is_locked", "server_roles", "default_database")
_SUBSETS = (
    "cpu", "memory", "volumes", "configuration", "hadr", "databases", "logins", "availability_groups",
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One difference. ``before`` and ``after`` are None where there was, or is, nothing."""

    what: str  # "database", "version", …
    name: str  # of the object; empty for the instance itself
    field: str  # what of it; empty: the whole object came or went
    before: Any
    after: Any


def changes_between(before: Facts | None, after: Facts) -> list[dict[str, Any]]:
    """What is different in ``after``, as JSON values; [] for the first discovery of an instance."""
    return [] if before is None else [asdict(change) for change in _changes(before, after)]


def _changes(before: Facts, after: Facts) -> Iterable[Change]:
    yield from _fields("version", "", _VERSION, before.get("version"), after.get("version"))
    yield from _fields("cpu", "", ("count",), before.get("cpu"), after.get("cpu"))
    yield from _fields("memory", "", ("total_mib",), before.get("memory"), after.get("memory"))
    yield from _configuration(before.get("configuration"), after.get("configuration"))
    yield from _fields("hadr", "", ("is_enabled",), before.get("hadr"), after.get("hadr"))
    yield from _collations(before, after)
    yield from _objects("volume", before.get("volumes"), after.get("volumes"), _volume, key="mount_point")
    yield from _objects("database", before.get("databases"), after.get("databases"), _database)
    yield from _objects("login", before.get("logins"), after.get("logins"), _login)
    groups = (before.get("availability_groups"), after.get("availability_groups"))
    yield from _objects("availability group", *groups, lambda _name, _before, _after: ())
    for subset in _SUBSETS:
        was_seen, is_seen = before.get(subset) is not None, after.get(subset) is not None
        if was_seen != is_seen:
            yield Change("visibility", subset, "", *(("seen", None) if was_seen else (None, "seen")))


def _fields(what: str, name: str, fields: Iterable[str], before: Any, after: Any) -> Iterable[Change]:
    for field in fields:
        old, new = (before or {}).get(field), (after or {}).get(field)
        # A limit that is taken away is None afterwards; a subset that could not be seen is no change.
        is_limit = field.endswith("_max_size_mib")
        if old != new and (is_limit or (old is not None and new is not None)):
            yield Change(what, name, field, old, new)


def _objects(
    what: str,
    before: list[Facts] | None,
    after: list[Facts] | None,
    differ: Callable[[str, Facts, Facts], Iterable[Change]],
    *,
    key: str = "name",
) -> Iterable[Change]:
    if before is None or after is None:
        return
    old, new = {one[key]: one for one in before}, {one[key]: one for one in after}
    for name in sorted(old.keys() | new.keys(), key=str.lower):
        if name not in old:
            yield Change(what, name, "", None, "added")
        elif name not in new:
            yield Change(what, name, "", "removed", None)
        else:
            yield from differ(name, old[name], new[name])


def _database(name: str, before: Facts, after: Facts) -> Iterable[Change]:
    # System databases grow and shrink by themselves.
    fields: tuple[str, ...] = (
        ("state", "collation", "recovery_model") if after.get("is_system") else _DATABASE
    )
    # Without the files their limits are None too: that is not "without a limit".
    if before.get("data_size_mib") is None or after.get("data_size_mib") is None:
        fields = tuple(field for field in fields if not field.endswith("_mib"))
    yield from _fields("database", name, fields, before, after)


def _login(name: str, before: Facts, after: Facts) -> Iterable[Change]:
    yield from _fields("login", name, _LOGIN, before, after)


def _volume(name: str, before: Facts, after: Facts) -> Iterable[Change]:
    yield from _fields("volume", name, ("total_mib",), before, after)
    old, new = before.get("available_mib"), after.get("available_mib")
    total = after.get("total_mib")
    if old is not None and new is not None and total and abs(new - old) * 100 >= FREE_SPACE_PERCENT * total:
        yield Change("volume", name, "available_mib", old, new)


def _configuration(before: Facts | None, after: Facts | None) -> Iterable[Change]:
    if before is None or after is None:
        return
    for name in sorted(before.keys() & after.keys()):
        old, new = before[name], after[name]
        if isinstance(old, dict) and isinstance(new, dict) and old.get("running") != new.get("running"):
            yield Change("configuration", name, "running", old.get("running"), new.get("running"))


def _collations(before: Facts, after: Facts) -> Iterable[Change]:
    yield from _fields("collations", "", ("count",), before.get("collations"), after.get("collations"))
