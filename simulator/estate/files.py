"""Database files: sizes in 8-KB pages, as sys.master_files has them, and the rules between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

PAGE = 8192  # bytes
PAGES_PER_MIB = 128
MAX_LOG_PAGES = 268_435_456  # 2 TB; sys.master_files.max_size of a log without a limit
MAX_DATA_PAGES = 2_147_483_647  # 16 TB
UNLIMITED = -1
DEFAULT_GROWTH = 64 * PAGES_PER_MIB  # since 2016
SMALLEST_FILE = 64  # pages: 512 KB (5174)


@dataclass(eq=False)
class DatabaseFile:
    """A file of a database. ``max_size`` −1: until the disk is full; 0: no growth.

    ``growth``: pages or percent.
    """

    file_id: int
    type: str  # "ROWS" | "LOG"
    name: str
    path: str
    size: int
    max_size: int = UNLIMITED
    growth: int = DEFAULT_GROWTH
    is_percent_growth: bool = False
    used: float = 0  # pages
    filegroup: str = "PRIMARY"
    guid: UUID = field(default_factory=uuid4)

    @property
    def limit(self) -> int:
        """The size in pages that the file may reach."""
        if self.max_size == UNLIMITED:
            return MAX_LOG_PAGES if self.type == "LOG" else MAX_DATA_PAGES
        return max(self.max_size, self.size)

    def next_growth(self) -> int:
        """How many pages the next growth adds; 0 when the file may not grow."""
        if self.growth == 0 or self.max_size == 0:
            return 0
        step = max(SMALLEST_FILE, self.size * self.growth // 100) if self.is_percent_growth else self.growth
        return max(0, min(step, self.limit - self.size))


@dataclass(frozen=True)
class FileSpec:
    """What a filespec of CREATE DATABASE or MODIFY/ADD FILE says; None: not said. Sizes in pages."""

    name: str | None = None
    path: str | None = None
    size: int | None = None
    max_size: int | None = None
    growth: int | None = None
    is_percent_growth: bool = False
    new_name: str | None = None
    offline: bool = False
    filegroup: str = "PRIMARY"
    given: tuple[str, ...] = ()


def mib(pages: float) -> float:
    """Pages as MiB."""
    return pages / PAGES_PER_MIB
