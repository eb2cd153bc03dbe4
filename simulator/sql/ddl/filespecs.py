"""Filespecs of CREATE and ALTER DATABASE: their grammar, and the rules on sizes and paths."""

from __future__ import annotations

from dataclasses import replace

from simulator.errors import SqlError, sql_error
from simulator.estate.files import (
    DEFAULT_GROWTH,
    MAX_DATA_PAGES,
    MAX_LOG_PAGES,
    PAGE,
    SMALLEST_FILE,
    UNLIMITED,
    DatabaseFile,
    FileSpec,
)
from simulator.estate.instance import Instance
from simulator.sql.ddl.common import name_or_string, whole_number
from simulator.sql.lexer import TokenStream

_PAGES = {"KB": 1 / 8, "MB": 128, "GB": 128 * 1024, "TB": 128 * 1024 * 1024}
_MAX_PAGES = 2_147_483_647
# Of data in one database, by version ("Editions and supported features" on Microsoft Learn).
EXPRESS_LIMIT_MB = {2019: 10240, 2022: 10240, 2025: 51200}
_BAD_NAME = "123(The filename, directory name, or volume label syntax is incorrect.)"
NO_FOLDER = {
    True: "3(The system cannot find the path specified.)",  # Windows
    False: "2(The system cannot find the file specified.)",
}


def parse_filespec(stream: TokenStream) -> FileSpec:
    """``( NAME = …, FILENAME = …, SIZE = …, MAXSIZE = …, FILEGROWTH = … )``. Raises 102, 1842, 5174."""
    stream.expect("(")
    spec, given = FileSpec(), []
    while True:
        token = stream.next()
        option = token.lower
        if option not in _OPTIONS or option in given:
            if option == "offline":
                spec = replace(spec, offline=True)
                given.append(option)
                if not stream.accept(","):
                    break
                continue
            raise stream.fail(token)
        stream.expect("=")
        given.append(option)
        spec = _OPTIONS[option](stream, spec)
        if not stream.accept(","):
            break
    stream.expect(")")
    return replace(spec, given=tuple(given))


def parse_filespecs(stream: TokenStream, filegroup: str = "PRIMARY") -> list[FileSpec]:
    """One or more filespecs separated by commas."""
    found = [replace(parse_filespec(stream), filegroup=filegroup)]
    while stream.at(",", "("):
        stream.expect(",")
        found.append(replace(parse_filespec(stream), filegroup=filegroup))
    return found


def _size(stream: TokenStream) -> int:
    value = whole_number(stream)
    token = stream.peek()
    unit = token.text.upper() if token is not None and token.text.upper() in _PAGES else "MB"
    if token is not None and token.text.upper() in _PAGES:
        stream.next()
    pages = -int(-value * _PAGES[unit] // 1)  # KB are rounded up to whole pages
    if pages > _MAX_PAGES:
        raise sql_error(1842)
    return pages


def _parse_size(stream: TokenStream, spec: FileSpec) -> FileSpec:
    return replace(spec, size=_size(stream))


def _parse_max(stream: TokenStream, spec: FileSpec) -> FileSpec:
    return replace(spec, max_size=UNLIMITED if stream.accept("unlimited") else _size(stream))


def _parse_growth(stream: TokenStream, spec: FileSpec) -> FileSpec:
    following = stream.peek(1)
    if following is not None and following.text == "%":
        percent = whole_number(stream)
        stream.expect("%")
        return replace(spec, growth=percent, is_percent_growth=True)
    return replace(spec, growth=_size(stream))


_OPTIONS = {
    "name": lambda stream, spec: replace(spec, name=name_or_string(stream)),
    "newname": lambda stream, spec: replace(spec, new_name=name_or_string(stream)),
    "filename": lambda stream, spec: replace(spec, path=stream.string()),
    "size": _parse_size,
    "maxsize": _parse_max,
    "filegrowth": _parse_growth,
}


def check_new_file(spec: FileSpec, type_: str, *, least: int) -> DatabaseFile:
    """The file that a complete filespec describes. Raises 5174, 5103, 5169 or 1842.

    ``least`` is the size in pages for a filespec that gives none.
    """
    size = least if spec.size is None else spec.size
    name = spec.name or ""
    if size < SMALLEST_FILE:
        raise sql_error(5174)
    ceiling = MAX_LOG_PAGES if type_ == "LOG" else MAX_DATA_PAGES
    if size > ceiling or (spec.max_size or 0) > ceiling:
        raise sql_error(1842)
    max_size = UNLIMITED if spec.max_size is None else spec.max_size
    if max_size == UNLIMITED and type_ == "LOG":
        max_size = MAX_LOG_PAGES
    growth = DEFAULT_GROWTH if spec.growth is None else spec.growth
    if max_size != UNLIMITED and max_size < size:
        raise sql_error(5103, name)
    if spec.growth is None and max_size != UNLIMITED:
        growth = min(growth, max_size)
    if not spec.is_percent_growth and max_size != UNLIMITED and growth > max_size:
        raise sql_error(5169, name)
    return DatabaseFile(
        0, type_, name, spec.path or "", size, max_size, growth,
        is_percent_growth=spec.is_percent_growth, filegroup=spec.filegroup,
    )  # fmt: skip


def path_error(instance: Instance, path: str) -> SqlError | None:
    """Why no file can be made at ``path``: 5105, 5133, 5123, 1834 or 5170; None when one can."""
    disk = instance.disk
    if not disk.is_absolute(path) or path.endswith(("/", "\\")):
        return sql_error(5105, path)
    name = path[len(disk.folder_of(path)) :]
    forbidden = '<>:"|?*' if instance.is_windows else ""
    if any(c in forbidden for c in name) or any(ord(c) < 32 for c in path):
        return sql_error(5133, path, _BAD_NAME)
    if not disk.has_folder(disk.folder_of(path)):
        return sql_error(5133, path, NO_FOLDER[instance.is_windows])
    return sql_error(5170, path) if disk.exists(path) else None


def room_error(instance: Instance, files: list[DatabaseFile]) -> SqlError | None:
    """5149 for the first of the new files that no longer fits on its volume, None when all fit."""
    taken: dict[str, int] = {}
    for file in files:
        volume = instance.disk.volume_of(file.path)
        if volume is None:
            return sql_error(5149, instance.disk_full_error, file.path)
        taken[volume.mount_point] = taken.get(volume.mount_point, 0) + file.size * PAGE
        if taken[volume.mount_point] > instance.disk.free(volume):
            return sql_error(5149, instance.disk_full_error, file.path)
    return None


def check_licence(instance: Instance, pages: int) -> None:
    """Raise 1827 when the data files of one database exceed what Express may hold (10 GB; 2025: 50 GB)."""
    limit = EXPRESS_LIMIT_MB[instance.spec.version]
    if instance.spec.edition == "Express" and pages > limit * 128:
        raise sql_error(1827, limit, "database")
