"""Where a page is: an endpoint and what its address holds. The address itself is made when it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for


@dataclass(frozen=True)
class Place:
    """A page of the portal. Plain data: it can be made where no request is."""

    endpoint: str
    values: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        """Its address, within a request."""
        return url_for(self.endpoint, **dict(self.values))  # type: ignore[arg-type]


def place(endpoint: str, **values: str) -> Place:
    """The page of ``endpoint``: ``place("jobs.job_page", job_id=job.id)``."""
    return Place(endpoint, tuple(sorted(values.items())))
