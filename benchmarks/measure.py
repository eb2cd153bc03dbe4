"""Measuring: contestants take turns in every round, so that a slow minute of the machine hits all of them."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Contestant = Callable[[int], None]  # gets the round's number; round 0 warms up and is not counted


@dataclass
class Comparison:
    """Seconds per round of each contestant, and what is derived from their medians."""

    title: str
    seconds: dict[str, list[float]] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def median(self, name: str) -> float:
        """The median of a contestant's rounds, in seconds."""
        return statistics.median(self.seconds[name])

    def ratio(self, label: str, numerator: float, denominator: float) -> None:
        """Record ``numerator / denominator`` under a label."""
        self.ratios[label] = numerator / denominator

    def as_dict(self) -> dict[str, object]:
        """Everything, ready for JSON: medians, extremes and every single round in seconds."""
        return {
            "title": self.title,
            "contestants": {
                name: {
                    "median_s": round(statistics.median(values), 4),
                    "min_s": round(min(values), 4),
                    "max_s": round(max(values), 4),
                    "rounds_s": [round(v, 4) for v in values],
                }
                for name, values in self.seconds.items()
            },
            "ratios": {label: round(value, 3) for label, value in self.ratios.items()},
            "notes": self.notes,
        }


def compare(
    title: str,
    contestants: Mapping[str, Contestant],
    *,
    rounds: int,
    progress: Callable[[str], None] = lambda _text: None,
) -> Comparison:
    """Run every contestant once a round, after a warm-up round, in an order that turns with the round."""
    comparison = Comparison(title, {name: [] for name in contestants})
    names = list(contestants)
    for number in range(rounds + 1):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            progress(f"{title}: round {number} of {rounds}, {name}")
            started = time.perf_counter()
            contestants[name](number)
            elapsed = time.perf_counter() - started
            if number:
                comparison.seconds[name].append(elapsed)
    return comparison


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
    }
