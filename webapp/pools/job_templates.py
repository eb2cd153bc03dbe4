"""The jobs that look at instances: what they hold, and whether the elevated account can do its work."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy.orm import Session

from webapp.database import now
from webapp.jobs.event_rows import module_of
from webapp.jobs.models import Job
from webapp.jobs.templates import ANSWERS, Launch
from webapp.pools.contact import OnInstances, instance_called
from webapp.pools.discoveries import keep_discovery, not_seen, seen
from webapp.pools.inventory import run_inventory
from webapp.pools.remedies import in_form_words
from webapp.pools.subjects import subjects_in

_DISCOVER = "mssql_discover"


class LooksAtInstances(OnInstances):
    """Base: runs a playbook over one instance, a pool, or everything.

    Parameters: ``{"instance_id": …}``, ``{"pool_id": …}``, or ``{}`` for all instances; closed ones too.
    """

    is_schedulable = True
    playbook: str
    variables: ClassVar[dict[str, Any]] = {}

    def prepare(self, session: Session, job: Job) -> Launch:
        """The playbook over the instances that the parameters name."""
        inventory, secrets = run_inventory(
            session, job.parameters.get("pool_id"), job.parameters.get("instance_id"), with_closed=True
        )
        return Launch(
            playbook=self.playbook, inventory=inventory, variables=dict(self.variables), secrets=secrets
        )

    def subjects(self, parameters: dict[str, Any]) -> list[str]:
        """The instance or pool that is looked at."""
        return subjects_in(parameters)


class Discover(LooksAtInstances):
    """Fills the pages of instances."""

    name = "discover"
    description = "Looks at instances: version, load, volumes, databases, logins, collations."
    playbook = "playbooks/discover.yml"
    variables: ClassVar[dict[str, Any]] = {
        "instance_gather_subset": ["all"],  # with the collations that a booking offers
        # All are asked in one task, and their answers come in a file; only those that failed get their own.
        "instance_hand_over": False,
        "instance_results_file": ANSWERS,
        "instance_answers": "failed",
    }

    def take_event(self, session: Session, job: Job, event: dict[str, Any]) -> None:
        """Keep what an instance answered in a task of its own, or why it did not answer."""
        kind, data = event.get("event"), event.get("event_data") or {}
        if module_of(data) != _DISCOVER:
            return
        if kind not in ("runner_on_ok", "runner_on_failed", "runner_on_unreachable"):
            return
        self._keep(session, job, data.get("host"), data.get("res") or {}, is_answer=kind == "runner_on_ok")

    def take_answer(self, session: Session, job: Job, host: str, result: dict[str, Any]) -> None:
        """Keep what an instance answered when all were asked."""
        self._keep(session, job, host, result, is_answer=not result.get("failed"))

    def _keep(
        self, session: Session, job: Job, host: Any, result: dict[str, Any], *, is_answer: bool
    ) -> None:
        instance = instance_called(session, job, host)
        if instance is None:
            return
        if is_answer and isinstance(result.get("instance"), dict):
            keep_discovery(session, instance, result, job_id=job.id)
        else:
            not_seen(session, instance, str(result.get("msg") or ""))


class CheckAccount(LooksAtInstances):
    """Fills the account check on the pages of instances."""

    name = "check_account"
    description = "Tests the elevated account: reachable, encrypted, which rights are missing."
    playbook = "playbooks/check_account.yml"

    def take_event(self, session: Session, job: Job, event: dict[str, Any]) -> None:
        """Keep the outcome of each instance."""
        result = (event.get("event_data") or {}).get("res") or {}
        outcome = result.get("instance_account")
        if event.get("event") != "runner_on_ok" or not isinstance(outcome, dict):
            return
        instance = instance_called(session, job, (event.get("event_data") or {}).get("host"))
        if instance is None:
            return
        outcome = _in_form_words(outcome)
        instance.account_check, instance.account_checked_at = outcome, now()
        if outcome.get("reachable") and not outcome.get("error"):
            seen(session, instance)
        else:
            not_seen(session, instance, str(outcome.get("error") or ""))


def _in_form_words(outcome: dict[str, Any]) -> dict[str, Any]:
    told = {**outcome, "error": in_form_words(outcome["error"])} if outcome.get("error") else dict(outcome)
    for key in ("obstacles", "warnings"):
        told[key] = [in_form_words(text) for text in outcome.get(key) or []]
    return told
