"""What discovery found, as figures. Pure functions over ``Discovery.facts``.

The arithmetic is the one by which the playbooks choose an instance (placement in the collection; a test
compares), so that a page never promises what a booking would then be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Summary:
    """The figures of one look at an instance. None: could not be seen, or was not looked at."""

    release: str | None = None  # 2022
    product_version: str | None = None
    edition: str | None = None
    platform: str | None = None
    collation: str | None = None
    cpus: int | None = None
    cpu_percent: int | None = None  # of the whole machine; Linux tells none up to 2022
    sql_percent: int | None = None  # SQL Server's own share
    memory_percent: float | None = None
    disk_total_mib: float | None = None  # of the volume that new databases go to
    disk_free_mib: float | None = None
    promised_mib: float | None = None  # what databases may still grow by under their limits
    databases: int | None = None  # without system databases
    logins: int | None = None
    is_hadr_enabled: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """For ``Discovery.summary``."""
        return asdict(self)

    def unpromised_mib(self, disk_free_percent: float) -> float | None:
        """What may be promised to new databases when ``disk_free_percent`` of the volume are kept free."""
        if self.disk_total_mib is None or self.disk_free_mib is None or self.promised_mib is None:
            return None
        reserve = self.disk_total_mib * disk_free_percent / 100
        return max(0.0, self.disk_free_mib - self.promised_mib - reserve)

    def reached(self, thresholds: Mapping[str, float]) -> list[str]:
        """Why nothing new goes there: the thresholds that it has reached, and a disk that cannot be seen.

        ``thresholds``: of the pool. What could not be seen besides counts as not reached.
        """
        figures = (
            ("CPU", self.cpu_percent, "cpu_percent", " %"),
            ("memory", self.memory_percent, "memory_percent", " %"),
            ("databases", self.databases, "databases", ""),
        )
        found = [
            f"{what} {used:.0f}{unit}, its threshold is {thresholds[name]:g}"
            for what, used, name, unit in figures
            if used is not None and used >= thresholds[name]
        ]
        if self.unpromised_mib(0) is None:
            found.append("its disk space is not visible to the platform's login")
        return found

    @property
    def disk_used_percent(self) -> float | None:
        """How full the volume is on which new databases go, promises included."""
        if not self.disk_total_mib or self.disk_free_mib is None:
            return None
        free = self.disk_free_mib - (self.promised_mib or 0)
        return min(100.0, max(0.0, 100 * (1 - free / self.disk_total_mib)))


_NAMES = frozenset(field.name for field in fields(Summary))


def summary_from(stored: dict[str, Any] | None) -> Summary:
    """The summary that a discovery keeps; keys of another version are left out."""
    return Summary(**{name: value for name, value in (stored or {}).items() if name in _NAMES})


def summary_of(facts: dict[str, Any]) -> Summary:
    """The figures of ``facts``."""
    version, cpu = facts.get("version") or {}, facts.get("cpu") or {}
    memory, volume = facts.get("memory") or {}, volume_for_data(facts)
    total, available = memory.get("total_mib"), memory.get("available_mib")
    databases, logins = facts.get("databases"), facts.get("logins")
    return Summary(
        release=version.get("release"),
        product_version=version.get("product_version"),
        edition=version.get("edition"),
        platform=version.get("platform"),
        collation=version.get("collation"),
        cpus=cpu.get("count"),
        cpu_percent=cpu.get("busy_percent"),
        sql_percent=cpu.get("sql_percent"),
        memory_percent=None if not total or available is None else 100 * (1 - available / total),
        disk_total_mib=volume["total_mib"] if volume else None,
        disk_free_mib=volume["available_mib"] if volume else None,
        promised_mib=promised_mib(facts),
        databases=None if databases is None else sum(not one.get("is_system") for one in databases),
        logins=None if logins is None else len(logins),
        is_hadr_enabled=(facts.get("hadr") or {}).get("is_enabled"),
    )


def volume_for_data(facts: dict[str, Any]) -> dict[str, Any] | None:
    """The volume that new databases go to; the fullest known one when their folder is on none of them."""
    volumes = [volume for volume in facts.get("volumes") or [] if volume.get("available_mib") is not None]
    path = ((facts.get("version") or {}).get("default_data_path") or "").lower()
    mounted = [volume for volume in volumes if path and path.startswith(volume["mount_point"].lower())]
    if mounted:
        return max(mounted, key=lambda volume: len(volume["mount_point"]))
    return min(volumes, key=lambda volume: volume["available_mib"]) if volumes else None


def promised_mib(facts: dict[str, Any]) -> float | None:
    """What user databases may still grow by under their limits; None when their files could not be seen."""
    databases = facts.get("databases")
    if databases is None:
        return None
    promised = 0.0
    for database in databases:
        if database.get("is_system"):
            continue
        for kind in ("data", "log"):
            size, most = database.get(f"{kind}_size_mib"), database.get(f"{kind}_max_size_mib")
            if size is None:
                return None
            promised += max(0, most - size) if most is not None else 0
    return promised


def collation_names(facts: dict[str, Any]) -> list[str]:
    """The names of all collations of the instance; [] when they were not asked for or left out."""
    return list((facts.get("collations") or {}).get("names") or [])
