"""All instances of one topology, and where their state is kept."""

from __future__ import annotations

from pathlib import Path

from simulator.estate.building import build_instance
from simulator.estate.clock import Clock
from simulator.estate.instance import Instance
from simulator.topology import Topology


class Estate:
    """Every simulated instance.

    With ``topology.state`` set, each instance keeps its state in ``<state>/<name>.json``.
    """

    def __init__(self, topology: Topology, *, clock: Clock | None = None) -> None:
        self.topology = topology
        self.clock = clock or Clock()
        self.instances: dict[str, Instance] = {}
        for spec in topology.instances:
            self.instances[spec.name] = build_instance(self, spec, self.state_file(spec.name))

    def state_file(self, name: str) -> Path | None:
        """Where an instance's state is kept, None when it is not."""
        return self.topology.state / f"{name}.json" if self.topology.state else None

    def save(self, instance: Instance) -> None:
        """Write an instance's state to disk, if state is kept."""
        path = self.state_file(instance.name)
        if path is not None:
            from simulator.estate.persistence import save  # noqa: PLC0415 - it imports instances

            save(instance, path)

    def close(self) -> None:
        """The last save."""
        for instance in self.instances.values():
            self.save(instance)
