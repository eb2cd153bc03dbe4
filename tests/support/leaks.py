"""Look for secrets where they do not belong: in databases, files, Redis, processes and pages."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy import Engine, MetaData, String, cast, select

LOOK_EVERY_S = 0.05


def forms_of(secret: str) -> list[str]:
    """The secret as it is, in hexadecimal, and as it looks inside any text that is in base64."""
    raw = secret.encode()
    found = [secret, raw.hex(), raw.hex().upper()]
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode("ascii")
        found.append(encoded[4 if offset else 0 : -4])  # without what its neighbours have a share in
    return found


def leaks(secrets: Mapping[str, str], places: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[str]:
    """Which secret stands where: ``elevated in jobs/…``; without its value. Both by their names."""
    wanted = {name: forms_of(secret) for name, secret in secrets.items()}
    found = []
    for place, text in places.items() if isinstance(places, Mapping) else places:
        for name, forms in wanted.items():
            if any(form in text for form in forms):
                found.append(f"{name} in {place}")
    return found


def database_texts(engine: Engine) -> Iterator[tuple[str, str]]:
    """(table.column, text) of every cell of every table, as the database itself keeps it."""
    schema = MetaData()
    schema.reflect(engine)
    with engine.connect() as connection:
        for table in schema.sorted_tables:
            # As text, so that no type of ours decodes or opens anything.
            query = select(*(cast(column, String).label(column.name) for column in table.columns))
            for row in connection.execute(query).mappings():
                yield from ((f"{table.name}.{name}", value) for name, value in row.items() if value)


def file_texts(folder: Path) -> dict[str, str]:
    """Every file below ``folder`` by its path in it; bytes that are no text are kept as they are."""
    found = {}
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and not path.is_symlink():
                found[str(path.relative_to(folder))] = path.read_bytes().decode("latin-1")
        except FileNotFoundError:
            continue  # gone meanwhile
    return found


@contextmanager
def watched_processes(pids: Callable[[], Iterable[int]]) -> Iterator[dict[str, str]]:
    """Collects arguments and environments of all processes that ``pids`` names meanwhile."""
    seen: dict[str, str] = {}
    stop = threading.Event()

    def look() -> None:
        for pid in pids():
            try:
                process = psutil.Process(pid)
                arguments = " ".join(process.cmdline())
                environment = "\n".join(f"{key}={value}" for key, value in process.environ().items())
            except psutil.Error:
                continue
            seen[f"arguments of {arguments}"] = arguments
            seen[f"environment of {arguments}, {hash(environment)}"] = environment

    def watch() -> None:
        while not stop.wait(LOOK_EVERY_S):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
