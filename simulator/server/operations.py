"""What the control channel can do to the estate: volumes, used space, machine load; and what it can tell."""

from __future__ import annotations

from typing import Any

from simulator.errors import SimulatorError, SqlError
from simulator.estate.database import Database
from simulator.estate.files import PAGES_PER_MIB, DatabaseFile
from simulator.estate.instance import Instance
from simulator.topology import GIB


class OperationError(SimulatorError):
    """An operation cannot be carried out; the text says why."""


def set_volume(instance: Instance, mount_point: str, free_gib: float) -> None:
    """Set the free space of a volume. Raises :class:`OperationError` for one that is not there."""
    volume = instance.disk.mount_point(mount_point)
    if volume is None:
        known = ", ".join(v.mount_point for v in instance.disk.volumes)
        raise OperationError(f"{instance.name} has no volume {mount_point}; it has {known}")
    if free_gib < 0:
        raise OperationError("free_gib must not be negative")
    instance.disk.set_free(volume, int(free_gib * GIB))
    instance.changed()


def set_used(instance: Instance, database: str, used_mib: float, file: str | None) -> None:
    """Set the used space of a database's data files, or of one file; files grow where they must.

    Raises :class:`OperationError` when the space does not fit.
    """
    found = _database(instance, database)
    chosen = found.data_files
    if file is not None:
        one = found.file(file)
        if one is None:
            raise OperationError(f"{database} has no file {file}")
        chosen = [one]
    if used_mib < 0:
        raise OperationError("used_mib must not be negative")
    left = used_mib * PAGES_PER_MIB
    for number, each in enumerate(chosen, 1):
        share = left if number == len(chosen) else min(left, each.size)
        _grow(found, each, share)
        each.used = share
        left -= share
    instance.changed()


def _grow(database: Database, file: DatabaseFile, pages: float) -> None:
    if pages <= file.size:
        return
    wanted = int(-(-pages // 1))
    if wanted > file.limit:
        raise OperationError(f"{wanted / PAGES_PER_MIB:g} MiB is more than file {file.name} may reach")
    try:
        database.resize(file, wanted)
    except SqlError as exc:
        raise OperationError(str(exc)) from exc


def set_memory(instance: Instance, available_mib: int) -> None:
    """Set the machine's available memory."""
    if not 0 <= available_mib <= instance.spec.memory_mib:
        raise OperationError(f"available_mib must be from 0 to {instance.spec.memory_mib}")
    instance.available_memory_mib = available_mib


def set_cpu(instance: Instance, percent: int) -> None:
    """Set the processor load of the machine."""
    if not 0 <= percent <= 100:
        raise OperationError("percent must be from 0 to 100")
    instance.cpu_percent = percent


def restart(instance: Instance) -> None:
    """What a restart changes in the instance: its start time and the configuration in use."""
    instance.started = instance.clock.now()
    instance.running = dict(instance.configured)


def _database(instance: Instance, name: str) -> Database:
    found = instance.find_database(name)
    if found is None:
        raise OperationError(f"{instance.name} has no database {name}")
    return found


def described_databases(instance: Instance) -> list[dict[str, Any]]:
    """The databases with their files and users; sizes in MiB, ``max_mib`` None without a limit of its own."""
    return [
        {
            "name": database.name,
            "database_id": database.database_id,
            "state": database.state,
            "user_access": database.user_access,
            "collation": database.collation_name,
            "recovery_model": database.recovery_model,
            "containment": database.containment,
            "compatibility_level": database.compatibility_level,
            "is_read_committed_snapshot_on": database.is_read_committed_snapshot_on,
            "owner": _login_name(instance, database.owner_sid),
            "users": [user.name for user in database.users],
            "files": [_described_file(file) for file in database.files],
        }
        for database in instance.databases
    ]


def _login_name(instance: Instance, sid: bytes) -> str | None:
    login = instance.login_by_sid(sid)
    return None if login is None else login.name


def _described_file(file: DatabaseFile) -> dict[str, Any]:
    growth = file.growth if file.is_percent_growth else file.growth / PAGES_PER_MIB
    return {
        "name": file.name,
        "type": file.type,
        "path": file.path,
        "size_mib": file.size / PAGES_PER_MIB,
        "used_mib": file.used / PAGES_PER_MIB,
        "max_mib": None if file.max_size == -1 else file.max_size / PAGES_PER_MIB,
        "growth_percent" if file.is_percent_growth else "growth_mib": growth,
    }


def described_sessions(instance: Instance) -> list[dict[str, Any]]:
    """The sessions that are open."""
    return [
        {
            "spid": spid,
            "login": session.original_login_name,
            "app_name": session.app_name,
            "host_name": session.host_name,
            "database": session.database.name,
        }
        for spid, session in sorted(instance.sessions.items())
    ]
