"""What jobs that run side by side store of their events."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.webapp.jobs.conftest import LOCAL
from tests.webapp.jobs.job_templates import Play
from webapp.database import new_id
from webapp.jobs.claim import Claim, claim
from webapp.jobs.event_rows import Mask
from webapp.jobs.ingest import Ingest
from webapp.jobs.models import Job, JobEvent
from webapp.jobs.private_folder import create_folder
from webapp.jobs.runtime import Runtime
from webapp.jobs.templates import Launch


class Marks(Play):
    """Marks the row that an event names. Both jobs have marked their first before either marks its second."""

    def __init__(self) -> None:
        super().__init__(Launch("play.yml", inventory=LOCAL))
        self._both = threading.Barrier(2)
        self._met: set[str] = set()

    def observe(self, session: Session, job: Job, event: dict[str, Any]) -> None:
        """Write into another row, as discoveries do into their instances."""
        session.get_one(Job, event["row"]).worker = job.id
        session.flush()
        if job.id not in self._met:
            self._met.add(job.id)
            self._both.wait(30)


def ingest_of(runtime: Runtime, claimed: Claim, template: Marks) -> Ingest:
    """What stores the events of a claimed job."""
    assert template.launch is not None
    folder = create_folder(
        runtime.settings, template.launch, job_id=claimed.job_id, attempt=claimed.attempt,
        lease_until=claimed.lease_until,
    )  # fmt: skip
    return Ingest(
        runtime.database, runtime.settings, claimed, folder=folder, template=template, mask=Mask(())
    )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_jobs_that_mark_the_same_rows_in_another_order_both_keep_all(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    first, second = launched().id, launched().id
    template = Marks()
    ingests: dict[str, Ingest] = {}
    for order in ((first, second), (second, first)):
        claimed = claim(runtime.database, runtime.settings, launched().id, worker="worker")
        assert claimed is not None
        ingest = ingests[claimed.job_id] = ingest_of(runtime, claimed, template)
        for counter, row in enumerate(order, start=1):
            ingest.put({"event": "verbose", "uuid": new_id(), "counter": counter, "stdout": "", "row": row})
    for ingest in ingests.values():
        ingest.start()
    for ingest in ingests.values():
        ingest.finish()
    assert [ingest.harvest.unobserved for ingest in ingests.values()] == [0, 0]
    with runtime.database.reading() as session:
        stored = list(session.scalars(select(JobEvent.job_id)))
    assert sorted(stored) == sorted([*ingests, *ingests])
