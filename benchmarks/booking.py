"""(c) A booking against an empty run and a bare script; (d) the same booking with the journal on and off."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyodbc

from benchmarks.measure import Comparison, compare
from benchmarks.simulated import ROOT, Estate, run_playbook, running_estate, write_inventory, write_playbook

PLAYBOOK = ROOT / "playbooks" / "book_application.yml"
CUSTOMER_PASSWORD = "Cust-omer-Pass-1"  # of logins on the benchmark's own simulated instance
# Appended to a copy of _journal.py: everything stays, but nothing reaches the disk.
JOURNAL_OFF = """

def _nothing(self, line, *, durable=False):
    return None


Journal.append = _nothing
Journal.check_writable = lambda self: None
Journal.locked = contextlib.contextmanager(lambda self: iter([None]))
"""


def booking(name: str) -> dict[str, object]:
    """The extra variables of a booking of one database."""
    return {
        "application_name": name,
        "application_databases": [{"name": "main", "data_limit": "1GiB"}],
        "application_password": CUSTOMER_PASSWORD,
    }


def measure_booking(folder: Path, *, rounds: int, progress: Callable[[str], None]) -> Comparison:
    """Seconds from the start of ansible-playbook to a booked database."""
    with running_estate(1, folder) as estate:
        inventory = write_inventory(estate)
        empty = write_playbook(folder, "empty.yml", [])
        model = folder / "model.jsonl"
        run_playbook(PLAYBOOK, inventory, journal=model, extra=booking("bm0"))
        statements = _intents(model)

        def book(number: int) -> None:
            run_playbook(
                PLAYBOOK, inventory, journal=folder / f"book-{number}.jsonl", extra=booking(f"bk{number}")
            )

        def nothing(_number: int) -> None:
            run_playbook(empty, inventory)

        def bare(number: int) -> None:
            _send(estate, [(_for_application(text, number), secrets) for text, secrets in statements])

        result = compare(
            "(c) a booking",
            {"book_application.yml": book, "empty ansible-playbook run": nothing, "bare pyodbc script": bare},
            rounds=rounds,
            progress=progress,
        )
    result.ratio(
        "booking / empty run",
        result.median("book_application.yml"),
        result.median("empty ansible-playbook run"),
    )
    result.ratio(
        "booking / bare script", result.median("book_application.yml"), result.median("bare pyodbc script")
    )
    result.notes.append(f"{len(statements)} statements in a booking")
    return result


def measure_journal(folder: Path, *, rounds: int, progress: Callable[[str], None]) -> Comparison:
    """Seconds for a booking with the journal, and with one that writes nothing (a patched copy)."""
    with running_estate(1, folder) as estate:
        inventory = write_inventory(estate)
        silent = _collection_without_journal(folder)

        def with_journal(number: int) -> None:
            run_playbook(
                PLAYBOOK, inventory, journal=folder / f"on-{number}.jsonl", extra=booking(f"on{number}")
            )

        def without(number: int) -> None:
            run_playbook(
                PLAYBOOK,
                inventory,
                extra=booking(f"off{number}"),
                environment={"ANSIBLE_COLLECTIONS_PATH": str(silent)},
            )

        result = compare(
            "(d) the journal",
            {"booking, journal on": with_journal, "booking, journal off": without},
            rounds=rounds,
            progress=progress,
        )
    on, off = result.median("booking, journal on"), result.median("booking, journal off")
    result.ratio("journal's share of a booking", on - off, on)
    return result


def _intents(journal: Path) -> list[tuple[str, int]]:
    """The statements of a run with the number of passwords that they take as parameters."""
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    return [(line["text"], len(line["parameters"])) for line in lines if line["event"] == "intent"]


def _for_application(text: str, number: int) -> str:
    """The model booking's statement for another application, with the password in its place.

    Logins get SIDs of their own, drawn by the server: the model's are taken.
    """
    text = re.sub(r"N'\$\([A-Za-z0-9_]+\)'", f"N'{CUSTOMER_PASSWORD}'", text)
    text = re.sub(r",?\s*SID\s*=\s*0x[0-9A-Fa-f]{32}", "", text)
    return text.replace("bm0", f"bare{number}")


def _send(estate: Estate, statements: list[tuple[str, int]]) -> None:
    connection = pyodbc.connect(estate.connection_string("sql01"), autocommit=True, timeout=15)
    try:
        for text, secrets in statements:
            cursor = connection.cursor()
            cursor.execute(text, *[CUSTOMER_PASSWORD] * secrets)
            if cursor.description:
                cursor.fetchall()
            while cursor.nextset():
                pass
            cursor.close()
    finally:
        connection.close()


def _collection_without_journal(folder: Path) -> Path:
    target = folder / "silent"
    collection = target / "ansible_collections" / "sqlhosting" / "mssql"
    shutil.copytree(ROOT / "collections" / "sqlhosting" / "mssql", collection, dirs_exist_ok=True)
    journal = collection / "plugins" / "module_utils" / "_journal.py"
    journal.write_text(journal.read_text(encoding="utf-8") + JOURNAL_OFF, encoding="utf-8")
    return target
