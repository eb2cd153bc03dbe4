"""A data folder belongs to one platform: with another database its running jobs would look like leftovers."""

from __future__ import annotations

import os
from pathlib import Path

from webapp.audit.memory import AuditMemory
from webapp.database import Database, new_id
from webapp.platform.models import KeyCheck
from webapp.platform.operations import PlatformNotReady
from webapp.sealed_heads import HeadsMemory
from webapp.settings import Settings

_MEMORY = "audit-head-"
_HEADS = "sealed-heads-"
MARK = "platform"  # the file in the data folder that names the platform


def audit_memory(settings: Settings, platform_id: str) -> AuditMemory:
    """Where this machine remembers the platform's newest audit entry: each platform has a file of its own."""
    return AuditMemory(settings.data_folder / f"{_MEMORY}{platform_id}")


def heads_memory(settings: Settings, platform_id: str) -> HeadsMemory:
    """Where this machine remembers the counters of the sets that decide."""
    return HeadsMemory(settings.data_folder / f"{_HEADS}{platform_id}")


def other_memories(memory: AuditMemory) -> list[Path]:
    """What remembers the audits of other platforms in the same data folder."""
    own = (memory.path, memory.alarm)
    return sorted(path for path in memory.path.parent.glob(f"{_MEMORY}*") if path not in own)


def own_data_folder(settings: Settings, database: Database) -> None:
    """Mark the data folder as this platform's, or make sure that it is marked so.

    Raises :class:`webapp.platform.operations.PlatformNotReady`: it is another platform's, or cannot be used.
    """
    with database.reading() as session:
        wanted = session.get_one(KeyCheck, 1).platform_id
    try:
        found = _mark(settings, wanted)
    except (OSError, UnicodeDecodeError) as exc:
        why = getattr(exc, "strerror", None) or "it is no text"
        raise PlatformNotReady(
            f"{settings.data_folder / MARK} cannot be read or written: {why}. Check SQLHOSTING_DATA_FOLDER."
        ) from None
    if found != wanted:
        raise PlatformNotReady(
            f"SQLHOSTING_DATA_FOLDER: {settings.data_folder} belongs to another platform: its file {MARK!r} "
            f"names {found[:26]!a}, this platform database is {wanted}. Give each platform its own folder. "
            "If this database has taken the other one's place for good, look at what stands in 'jobs' and "
            f"'journals' there, then remove the file {MARK!r}."
        )


def _mark(settings: Settings, wanted: str) -> str:
    """The platform that the folder is marked with; marked with ``wanted`` where there was no mark."""
    path = settings.data_folder / MARK
    if not path.exists():
        settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = path.with_name(f".{MARK}-{new_id()}")
        with own.open("w", encoding="ascii") as file:
            file.write(wanted + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(own, path)  # whole or not at all, also when two start at once
        except FileExistsError:
            pass
        finally:
            own.unlink()
    return path.read_text(encoding="utf-8").strip()
