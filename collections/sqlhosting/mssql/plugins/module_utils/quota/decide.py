# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a limit means for files: how it is judged, and how it becomes the files' MAXSIZE. Pure.

Sizes are whole MiB where they are wished for and 8-KiB pages where they are seen.
"""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import Change, named
from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import format_mib, mib_in_words
from ansible_collections.sqlhosting.mssql.plugins.module_utils._values import (
    LOG_UNLIMITED_PAGES,
    PAGES_PER_MIB,
    max_mib_from_pages,
    mib_from_pages,
    sum_known,
)

KINDS = ("data", "log")
FILE_TYPES = {
    0: "data",
    1: "log",
}  # sys.master_files.type; FILESTREAM (2) has no size and no MAXSIZE of this sort
LARGEST_FILE_MIB = {"data": 16 * 1024 * 1024, "log": 2 * 1024 * 1024}  # 16 TiB and 2 TiB
# From the best to the worst. What could not be measured is worse than ok but hides no alarm.
STATUSES = ("ok", "unknown", "warning", "critical", "exceeded")
_GROWTH_MIB = 64  # SQL Server's own default since 2016


class QuotaFile:
    """One row of ``instance/files``."""

    def __init__(self, row: dict) -> None:
        self.kind = FILE_TYPES.get(row["file_type"])
        self.name = row["file_name"]
        self.path = row["physical_name"]
        self.pages = row["size"]
        self.max_pages = row["max_size"]
        self.growth = row["growth"]
        self.is_percent_growth = bool(row["is_percent_growth"])
        self.mount_point = row.get("mount_point")
        self.available_bytes = row.get("available_bytes")

    @property
    def allocated_mib(self) -> int:
        """Whole MiB, rounded up: MAXSIZE may not be less."""
        return -(-self.pages // PAGES_PER_MIB)

    @property
    def max_mib(self) -> int | float | None:
        """None when only the volume ends the file. A file that does not grow ends where it is."""
        if self.growth == 0:
            return mib_from_pages(self.pages)
        return max_mib_from_pages(self.max_pages, self.pages, is_log=self.kind == "log")

    @property
    def declared_pages(self) -> int | None:
        """MAXSIZE as the catalog has it; None without one. A log without one ends at 2 TiB."""
        if self.max_pages == -1:
            return LOG_UNLIMITED_PAGES if self.kind == "log" else None
        return self.max_pages or self.pages


def percent_of(used: float | None, limit: float | None) -> float | None:
    """Used of limit in percent, one decimal, rounded down so that 94.99 is not yet 95."""
    if used is None or not limit:
        return None
    return int(used * 1000 / limit) / 10


def status_of(used: float | None, limit: float | None, *, warning: int, critical: int) -> str:
    """``exceeded`` from the limit on, since nothing more fits; ``ok`` when there is no limit."""
    if limit is None:
        return "ok"
    if used is None:
        return "unknown"
    if used >= limit:
        return "exceeded"
    percent = used * 100 / limit
    if percent >= critical:
        return "critical"
    return "warning" if percent >= warning else "ok"


def worst_of(statuses: list) -> str:
    """The worst of some statuses; ``ok`` of none."""
    return max(statuses, key=STATUSES.index, default="ok")


def total_max_mib(files: list) -> int | float | None:
    """What some files may hold together; None when one has no end."""
    return sum_known([file.max_mib for file in files])


def shares(files: list, limit_mib: int) -> list:
    """How many MiB each file may reach, so that together they reach ``limit_mib``; never less than it has
    now.

    Files that grow get equal shares: SQL Server fills files of equal size evenly, and an equal share stays
    what it is when the files grow within it, so the next run changes nothing. A file that has more than its
    equal share keeps what it has, and the others share what is left. A file that does not grow keeps its
    size, unless none of them grows.
    """
    growing = [index for index, file in enumerate(files) if file.growth] or list(range(len(files)))
    wanted = [file.allocated_mib for file in files]
    rest = limit_mib - sum(wanted[index] for index in range(len(files)) if index not in growing)
    sharing = list(growing)
    while sharing:
        full = [index for index in sharing if wanted[index] * len(sharing) >= rest]
        if not full:
            break
        rest -= sum(wanted[index] for index in full)
        sharing = [index for index in sharing if index not in full]
    for position, index in enumerate(sharing):
        wanted[index] = rest // len(sharing) + (1 if position < rest % len(sharing) else 0)
    return wanted


def is_split_already(files: list, limit_mib: int) -> bool:
    """Whether the files' maxima add up to the limit already: a split made by hand is kept."""
    some_grow = any(file.growth for file in files)
    pages = [file.pages if some_grow and not file.growth else file.declared_pages for file in files]
    if any(each is None for each in pages) or not files:
        return False
    # Fixed files may have a size that is no whole MiB, and their part of the limit is rounded up.
    parts = [-(-each // PAGES_PER_MIB) for each in pages]
    return sum(parts) == limit_mib


def decide_limit(database: str, files: list, limit_mib: int) -> list:
    """The changes that make ``files`` (of one kind) stop at ``limit_mib`` together; empty when they do.

    One property per statement, a lower FILEGROWTH before a lower MAXSIZE (5169 otherwise).
    """
    if is_split_already(files, limit_mib):
        return []
    some_grow = any(file.growth for file in files)
    changes = []
    for file, share in zip(files, shares(files, limit_mib)):
        if some_grow and not file.growth:
            continue
        if file.growth and not file.is_percent_growth and file.growth > share * PAGES_PER_MIB:
            changes.append(_growth_change(database, file, min(_GROWTH_MIB, share)))
        if file.max_pages == 0 or file.declared_pages != share * PAGES_PER_MIB:
            changes.append(_maximum_change(database, file, share))
    return changes


def _growth_change(database: str, file: QuotaFile, growth_mib: int) -> Change:
    return Change(
        "database/set_file_growth",
        f"let the {file.kind} file {named(file.name)} of database {named(database)} grow by "
        f"{mib_in_words(growth_mib)}",
        name=database,
        file=file.name,
        growth=growth_mib,
        growth_is_percent=False,
    )


def _maximum_change(database: str, file: QuotaFile, max_mib: int) -> Change:
    return Change(
        "database/set_file_max_size",
        f"set the limit of the {file.kind} file {named(file.name)} of database {named(database)} to "
        f"{mib_in_words(max_mib)}",
        name=database,
        file=file.name,
        max_mib=max_mib,
    )


def apply_to_files(files: list, changes: list) -> None:
    """Bring ``files`` to what they are after ``changes``, for the result and the diff."""
    by_name = {file.name: file for file in files}
    for change in changes:
        file = by_name[change.values["file"]]
        if "max_mib" in change.values:
            file.max_pages = change.values["max_mib"] * PAGES_PER_MIB
        else:
            file.growth = change.values["growth"] * PAGES_PER_MIB


def files_for_diff(files: list) -> dict:
    """The files by name, with what a quota may change."""
    return {
        file.name: {
            "max_size_mib": max_mib_from_pages(file.max_pages, file.pages, is_log=file.kind == "log"),
            "growth": f"{file.growth}%" if file.is_percent_growth else f"{mib_from_pages(file.growth):g}MiB",
        }
        for file in files
    }


def room_problem(kind: str, files: list, limit_mib: int) -> str | None:
    """Why the files cannot reach the limit on their volumes; None when they can, or the volumes are not
    shown."""
    needs: dict = {}
    for file, share in zip(files, shares(files, limit_mib)):
        if file.available_bytes is None:
            return None
        volume = file.mount_point or file.path[: max(file.path.rfind("/"), file.path.rfind("\\")) + 1]
        needed, _available = needs.get(volume, (0, 0))
        needs[volume] = (needed + share - file.allocated_mib, file.available_bytes // (PAGES_PER_MIB * 8192))
    for volume, (needed, available) in needs.items():
        if needed > available:
            return (
                f"the {kind} limit {format_mib(limit_mib)} needs {format_mib(needed)} more on {volume}, "
                f"where {format_mib(available)} are free"
            )
    return None
