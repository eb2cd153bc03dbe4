"""(b) Discovery of 50 instances by one play, against a bare pyodbc thread pool with the same queries."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyodbc

from benchmarks.measure import Comparison, compare
from benchmarks.simulated import ROOT, Estate, run_playbook, running_estate, write_inventory

INSTANCES = 50
THREADS = 20  # as many as ansible.cfg has forks


def measure_discovery(folder: Path, *, rounds: int, progress: Callable[[str], None]) -> Comparison:
    """Seconds until everything of 50 instances is known."""
    with running_estate(INSTANCES, folder) as estate:
        inventory = write_inventory(estate)
        playbook = ROOT / "playbooks" / "discover.yml"
        first = folder / "first.jsonl"
        run_playbook(playbook, inventory, journal=first)
        port = estate.instances["sql01"]["port"]
        texts = _reads_of(first, f"127.0.0.1,{port}")

        def play(number: int) -> None:
            run_playbook(playbook, inventory, journal=folder / f"discover-{number}.jsonl")

        def bare(_number: int) -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(lambda name: _ask(estate, name, texts), estate.instances))

        result = compare(
            f"(b) discovery of {INSTANCES} instances",
            {"discover.yml": play, "bare pyodbc thread pool": bare},
            rounds=rounds,
            progress=progress,
        )
    result.ratio(
        "play / bare thread pool", result.median("discover.yml"), result.median("bare pyodbc thread pool")
    )
    result.notes.append(f"{len(texts)} queries to each instance; {THREADS} threads, {THREADS} forks")
    return result


def _reads_of(journal: Path, instance: str) -> list[str]:
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    return [line["text"] for line in lines if line["event"] == "intent" and line["instance"] == instance]


def _ask(estate: Estate, name: str, texts: list[str]) -> int:
    connection = pyodbc.connect(estate.connection_string(name), autocommit=True, timeout=15)
    try:
        rows = 0
        for text in texts:
            cursor = connection.cursor()
            cursor.execute(text)
            if cursor.description:
                rows += len(cursor.fetchall())
            cursor.close()
        return rows
    finally:
        connection.close()
