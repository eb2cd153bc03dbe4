# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a database: what CREATE DATABASE is told, and how an existing file is brought to the wanted sizes.

Sizes are whole MiB, which T-SQL calls MB; sys.master_files counts pages of 8 KiB, 128 of them in a MiB
(sys.master_files on Microsoft Learn). Only the primary data file and the first log file are managed.
"""

from __future__ import annotations

import hashlib

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import Change, named
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import (
    format_mib,
    mib_in_words,
    parse_growth,
    parse_max_mib,
    parse_mib,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._values import (
    LOG_UNLIMITED_PAGES,
    PAGES_PER_MIB,
    truth,
    word,
)

DEFAULT_GROWTH_MIB = 64  # from 2016 (ALTER DATABASE file and filegroup options, Microsoft Learn)
MAX_FILE_NAME_BYTES = (
    200  # file systems take 255 bytes; suffix, extension and room for the folder's own limits
)
MAX_LOGICAL_NAME = 128  # sysname
KINDS = ("data", "log")
_ENDINGS = {"data": ".mdf", "log": "_log.ldf"}
_WINDOWS_DEVICES = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10)),
}
# Refused in file names by Windows, and by us on Linux too, so that a backup restores on either.
_NOT_IN_FILE_NAMES = set("<>:\"/\\|?*[]'`;&$%!{}()")


class FileWish:
    """What the options ask of one file. ``max_mib`` None is unlimited if ``has_max``, else not given."""

    def __init__(self, kind: str, params: dict) -> None:
        self.kind = kind
        self.size_mib = self.growth = self.max_mib = None
        self.growth_is_percent = False
        self.has_max = params[f"{kind}_max_size"] is not None
        if params[f"{kind}_size"] is not None:
            self.size_mib = parse_mib(params[f"{kind}_size"], field=f"{kind}_size")
        if self.has_max:
            self.max_mib = parse_max_mib(params[f"{kind}_max_size"], field=f"{kind}_max_size")
        if params[f"{kind}_growth"] is not None:
            self.growth, self.growth_is_percent = parse_growth(
                params[f"{kind}_growth"], field=f"{kind}_growth"
            )
        self._check()

    def _check(self) -> None:
        """Contradictions that the server would answer with 5103 and 5169, and its size limits (1842)."""
        kind = self.kind
        limit_mib = (16 if kind == "data" else 2) * 1024 * 1024  # TiB per data and log file
        for option, value in ((f"{kind}_size", self.size_mib), (f"{kind}_max_size", self.max_mib)):
            if value is not None and value > limit_mib:
                raise InvalidInput(
                    field=option,
                    problem=f"{format_mib(value)} is over the limit of {format_mib(limit_mib)}",
                    remedy="Give a smaller size.",
                )
        if self.max_mib is None:
            return
        if self.size_mib is not None and self.size_mib > self.max_mib:
            raise InvalidInput(
                field=f"{kind}_size",
                problem=f"{format_mib(self.size_mib)} is over {kind}_max_size {format_mib(self.max_mib)}",
                remedy=f"Raise {kind}_max_size or lower {kind}_size.",
            )
        if self.growth is not None and not self.growth_is_percent and self.growth > self.max_mib:
            raise InvalidInput(
                field=f"{kind}_growth",
                problem=f"{format_mib(self.growth)} is more than {kind}_max_size {format_mib(self.max_mib)}",
                remedy=f"Lower {kind}_growth.",
            )

    @property
    def is_given(self) -> bool:
        return self.size_mib is not None or self.has_max or self.growth is not None


class Model:
    """What a new database takes over from the model database; from the rows of template database/model.

    Without rows, or without visible files, nothing is known and nothing is changed or refused for it.
    """

    def __init__(self, rows: list) -> None:
        self.recovery_model = word(rows[0]["recovery_model"]) if rows else None
        self.auto_close = truth(rows[0]["is_auto_close_on"]) if rows else None
        self._rows: dict = {}
        for row in rows:
            self._rows.setdefault({0: "data", 1: "log"}.get(row["file_type"]), row)

    def size_mib(self, kind: str) -> int | None:
        """Of the primary data or first log file, in whole MiB, rounded up; None when it is not visible."""
        row = self._rows.get(kind)
        return None if row is None or row["size"] is None else -(-row["size"] // PAGES_PER_MIB)

    def growth_mib(self, kind: str) -> int:
        """What a file grows by where nothing is said: model's growth, or what SQL Server takes by itself."""
        row = self._rows.get(kind)
        if row is None or row["growth"] is None or row["is_percent_growth"]:
            return DEFAULT_GROWTH_MIB
        return max(DEFAULT_GROWTH_MIB, -(-row["growth"] // PAGES_PER_MIB))

    def size_of_new(self, wish: FileWish) -> int | None:
        """The size to ask for; None leaves it to the server."""
        least = self.size_mib(wish.kind)
        if wish.size_mib is None or wish.kind == "log" or least is None:
            return wish.size_mib  # only the primary file must hold a copy of model
        return max(wish.size_mib, least)

    def notes(self, wishes: dict) -> list:
        """Sentences about sizes that become larger than asked."""
        least, asked = self.size_mib("data"), wishes["data"].size_mib
        if least is None or asked is None or asked >= least:
            return []
        return [
            f"data_size asks for {format_mib(asked)}; a new database has {format_mib(least)}, as model has "
            "on this instance."
        ]

    def check_maximum(self, wish: FileWish) -> None:
        """Raise :class:`InvalidInput` when a new file would be larger than it may become."""
        least = self.size_mib(wish.kind)
        if wish.max_mib is None or least is None or wish.max_mib >= least:
            return
        if wish.kind == "log" and wish.size_mib is not None:
            return
        raise InvalidInput(
            field=f"{wish.kind}_max_size",
            problem=f"{format_mib(wish.max_mib)} is less than a new database has on this instance: the "
            f"{wish.kind} file of its model database has {format_mib(least)}",
            remedy=f"Allow at least {format_mib(least)}, or have model's {wish.kind} file made smaller there "
            "(DBCC SHRINKFILE in the database model).",
        )


class DatabaseFile:
    """One row of sys.master_files."""

    def __init__(self, row: dict) -> None:
        self.kind = {0: "data", 1: "log"}.get(row["file_type"], "other")
        self.file_id = row["file_id"]
        self.name = row["file_name"]
        self.path = row["physical_name"]
        self.state = str(row["file_state"]).lower()
        self.pages = row["size"]
        self.max_pages = row["max_size"]
        self.growth = row["growth"]
        self.is_percent_growth = bool(row["is_percent_growth"])

    @property
    def max_mib(self) -> float | None:
        """None when only the volume ends it. A file that may not grow (0) has its size as maximum."""
        if self.max_pages == -1 or (self.kind == "log" and self.max_pages == LOG_UNLIMITED_PAGES):
            return None
        return _mib(self.max_pages or self.pages)

    def as_dict(self) -> dict:
        growth = f"{self.growth}%" if self.is_percent_growth else format_mib(_mib(self.growth))
        return {
            "name": self.name,
            "path": self.path,
            "state": self.state,
            "size_mib": _mib(self.pages),
            "max_size_mib": self.max_mib,
            "growth": growth if self.growth else "none",
        }


def _mib(pages: int) -> float | int:
    mib = pages / PAGES_PER_MIB
    return int(mib) if mib == int(mib) else round(mib, 3)


def file_stem(name: str) -> str:
    """A file name for a database's name: the name itself where every file system takes it, else made safe.

    A changed name gets eight digits of the name's SHA-256, so that two databases never share a file.
    """
    safe = "".join("_" if character in _NOT_IN_FILE_NAMES else character for character in name)
    if safe.startswith((".", "-")):
        safe = "_" + safe[1:]
    if safe.split(".", maxsplit=1)[0].upper() in _WINDOWS_DEVICES:
        safe = "_" + safe
    if safe.endswith("."):
        safe = safe[:-1] + "_"
    encoded = safe.encode("utf-8")
    if safe == name and len(encoded) <= MAX_FILE_NAME_BYTES:
        return name
    short = encoded[: MAX_FILE_NAME_BYTES - 9].decode("utf-8", "ignore")
    return f"{short}_{hashlib.sha256(name.encode('utf-8')).hexdigest()[:8]}"


def logical_names(name: str) -> dict:
    """Logical names of the two files, as SQL Server itself would name them, within 128 UTF-16 units."""
    stem = name.encode("utf-16-le")[: (MAX_LOGICAL_NAME - len("_log")) * 2].decode("utf-16-le", "ignore")
    return {"data": name, "log": f"{stem}_log"}


def join_path(folder: str, file_name: str) -> str:
    """The server's path, with the server's separator (the controller's own does not matter)."""
    separator = "/" if folder.startswith("/") else "\\"
    return folder.rstrip("/\\") + separator + file_name


def path_starts(name: str, folders: dict) -> list:
    """What the paths of all files that a database of this name could get begin with."""
    return list(dict.fromkeys(join_path(folders[kind], file_stem(name)) for kind in KINDS))


def free_paths(name: str, folders: dict, taken: list) -> dict:
    """A path for each kind of file that no database uses.

    A renamed database keeps its files, and Windows takes names that differ in case only for one: the second
    database gets ``shop_2.mdf``. ``taken`` are the paths that the instance's databases use.
    """
    used = {path.casefold() for path in taken}
    stem, number = file_stem(name), 1
    while True:
        tried = stem if number == 1 else f"{stem}_{number}"
        paths = {kind: join_path(folders[kind], tried + _ENDINGS[kind]) for kind in KINDS}
        if not used & {path.casefold() for path in paths.values()}:
            return paths
        number += 1


def file_specs(name: str, wishes: dict, paths: dict, model: Model | None = None) -> list:
    """The file specifications of CREATE DATABASE, data first. ``paths``: the path of each kind.

    Where the model database is larger than what is asked, its size counts: CREATE DATABASE copies it (1803).
    Raises :class:`InvalidInput` for a maximum below that.
    """
    names = logical_names(name)
    model = model or Model([])
    specs = []
    for kind in KINDS:
        wish = wishes[kind]
        model.check_maximum(wish)
        growth = wish.growth
        if growth is None and wish.max_mib is not None and wish.max_mib < model.growth_mib(kind):
            growth = wish.max_mib  # the default growth would be more than the maximum (5169)
        specs.append(
            {
                "kind": kind,
                "name": names[kind],
                "path": paths[kind],
                "size_mib": model.size_of_new(wish),
                "has_max": wish.has_max,
                "max_mib": wish.max_mib,
                "growth": growth,
                "growth_is_percent": wish.growth_is_percent,
            }
        )
    return specs


def decide_file(database: str, file: DatabaseFile, wish: FileWish) -> tuple:
    """(changes, notes) that bring an existing file to the wish; one property per statement.

    Raises :class:`InvalidInput` for a maximum below what is allocated: sizes only grow. The order keeps every
    step legal: a higher maximum before the size, a lower growth before a lower maximum.
    """
    kind, notes = wish.kind, []
    grow = wish.size_mib is not None and wish.size_mib * PAGES_PER_MIB > file.pages
    if wish.size_mib is not None and wish.size_mib * PAGES_PER_MIB < file.pages:
        notes.append(
            f"The {kind} file already has {format_mib(_mib(file.pages))}, {kind}_size asks for "
            f"{format_mib(wish.size_mib)}: sizes only grow, so it stays."
        )
    pages_after = wish.size_mib * PAGES_PER_MIB if grow else file.pages
    maximum = _decide_maximum(database, file, wish, pages_after)
    if grow and not wish.has_max and file.max_mib is not None and wish.size_mib > file.max_mib:
        raise InvalidInput(
            field=f"{kind}_size",
            problem=f"{format_mib(wish.size_mib)} is more than the file's maximum {format_mib(file.max_mib)}",
            remedy=f"Give {kind}_max_size as well.",
        )
    size = _file_change(
        "database/set_file_size",
        f"make the {kind} file {named(file.name)} of database {named(database)} "
        f"{mib_in_words(wish.size_mib)} large",
        database,
        file,
    )
    size.values["size_mib"] = wish.size_mib
    growth = _decide_growth(database, file, wish)
    steps = [size] if grow else []
    raises = maximum is not None and (
        wish.max_mib is None or (file.max_mib is not None and wish.max_mib > file.max_mib)
    )
    if raises:
        return [maximum, *steps, *growth], notes
    return [*steps, *growth, *([maximum] if maximum else [])], notes


def _decide_maximum(database: str, file: DatabaseFile, wish: FileWish, pages_after: int) -> Change | None:
    if not wish.has_max:
        return None
    kind = wish.kind
    if wish.max_mib is not None and wish.max_mib * PAGES_PER_MIB < pages_after:
        raise InvalidInput(
            field=f"{kind}_max_size",
            problem=f"{format_mib(wish.max_mib)} is below the file's size {format_mib(_mib(pages_after))}",
            remedy="Files only grow here: give a higher maximum, or shrink the file first (DBCC SHRINKFILE).",
        )
    if file.max_pages != 0 and wish.max_mib == file.max_mib:
        return None
    if file.kind == "log" and file.max_mib is None and wish.max_mib == LOG_UNLIMITED_PAGES // PAGES_PER_MIB:
        return None
    change = _file_change(
        "database/set_file_max_size",
        f"set the limit of the {kind} file {named(file.name)} of database {named(database)} to "
        f"{mib_in_words(wish.max_mib)}",
        database,
        file,
    )
    change.values["max_mib"] = wish.max_mib
    return change


def _decide_growth(database: str, file: DatabaseFile, wish: FileWish) -> list:
    if wish.growth is None:
        return []
    wanted = wish.growth if wish.growth_is_percent else wish.growth * PAGES_PER_MIB
    if (file.growth, file.is_percent_growth) == (wanted, wish.growth_is_percent):
        return []
    shown = f"{wish.growth} %" if wish.growth_is_percent else mib_in_words(wish.growth)
    change = _file_change(
        "database/set_file_growth",
        f"let the {wish.kind} file {named(file.name)} of database {named(database)} grow by {shown}",
        database,
        file,
    )
    change.values.update(growth=wish.growth, growth_is_percent=wish.growth_is_percent)
    return [change]


def _file_change(template: str, says: str, database: str, file: DatabaseFile) -> Change:
    return Change(template, says, name=database, file=file.name)
