"""(b) Discovery of 50 and of 500 instances by one play, against a bare pyodbc pool with the same queries."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyodbc

from benchmarks.measure import Comparison, compare
from benchmarks.simulated import ROOT, Estate, run_playbook, running_estate, write_inventory, write_playbook

THREADS = 20  # as many as the playbook has (instance_at_once)


def measure_discovery(
    folder: Path, *, rounds: int, progress: Callable[[str], None], size: int = 50
) -> Comparison:
    """Seconds until everything of all instances is known."""
    with running_estate(size, folder) as estate:
        inventory = write_inventory(estate)
        playbook = ROOT / "playbooks" / "discover.yml"
        nothing = write_playbook(folder, "nothing.yml", [], hosts="all")
        first = folder / "first.jsonl"
        run_playbook(playbook, inventory, journal=first)
        port = estate.instances["sql01"]["port"]
        texts = _reads_of(first, f"127.0.0.1,{port}")

        def play(number: int) -> None:
            run_playbook(playbook, inventory, journal=folder / f"discover-{number}.jsonl")

        def empty(_number: int) -> None:
            run_playbook(nothing, inventory)

        def bare(_number: int) -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(lambda name: _ask(estate, name, texts), estate.instances))

        result = compare(
            f"(b) discovery of {size} instances",
            {
                "discover.yml": play,
                "a play without tasks": empty,
                "bare pyodbc thread pool": bare,
            },
            rounds=rounds,
            progress=progress,
        )
    play_s, empty_s, bare_s = result.seconds.values()
    for label, of in (("medians", statistics.median), ("minima", min)):
        result.ratio(f"(play - empty run) / bare thread pool, {label}", of(play_s) - of(empty_s), of(bare_s))
    result.notes.append(f"{len(texts)} queries to each instance; {THREADS} threads on both sides")
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
