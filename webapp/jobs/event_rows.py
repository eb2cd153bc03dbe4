"""Turn ansible-runner's events into rows of job_events: pure functions, no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from webapp.database import new_id, now
from webapp.jobs.models import JobEvent

MAX_STDOUT = 262_144  # characters of one event's output that are stored
MAX_MESSAGE = 20_000
TASK_STARTS = ("playbook_on_task_start", "playbook_on_handler_task_start")
STATS = "playbook_on_stats"
_FAILURES = ("runner_on_failed", "runner_on_unreachable", "runner_item_on_failed")
_STATS_WORDS = {
    "ok": "ok", "changed": "changed", "dark": "unreachable", "failures": "failed", "skipped": "skipped",
    "rescued": "rescued", "ignored": "ignored",
}  # fmt: skip
_HIDDEN = "********"
_SHORTEST_SECRET = 4  # a shorter text would hide half of the output and is no secret


class Mask:
    """Hides secrets in texts that are stored; modules hide them first, this is for what they cannot know."""

    def __init__(self, secrets: Iterable[str]) -> None:
        texts = {text for secret in secrets for text in (secret, secret.replace("'", "''"))}
        self._secrets = sorted(
            (text for text in texts if len(text) >= _SHORTEST_SECRET), key=len, reverse=True
        )

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text


def is_storable(event: Any) -> bool:
    """Whether it is an event; ansible-runner also reports the end of its output."""
    return isinstance(event, dict) and bool(event.get("uuid")) and bool(event.get("event"))


def is_failure(event: dict[str, Any]) -> bool:
    """Whether a task failed on a host, and not with ``ignore_errors``."""
    return event["event"] in _FAILURES and not _data(event).get("ignore_errors")


def message_of(event: dict[str, Any]) -> str | None:
    """A failed task's message: one sentence, or several lines. Of a loop what its items said."""
    result = _data(event).get("res")
    if not isinstance(result, dict):
        return None
    if items := failed_items(result):
        return "\n".join(dict.fromkeys(filter(None, map(_message_in, items)))) or _message_in(result)
    return _message_in(result)


def module_of(data: Mapping[str, Any]) -> str:
    """The module that an event's ``event_data`` is about, by its short name; empty where it is no task's."""
    return str(data.get("task_action") or "").rpartition(".")[2]


def items_of(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a task that loops brought for each item; none when it does not loop."""
    items = result.get("results")
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []


def failed_items(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The items of a loop that failed: Ansible says of the task itself no more than that there are some."""
    return [one for one in items_of(result) if one.get("failed") or one.get("unreachable")]


def _message_in(result: Mapping[str, Any]) -> str | None:
    text = result.get("msg")
    if isinstance(text, list):
        text = "\n".join(str(line) for line in text)
    return None if text is None else str(text)


def is_lease_lost(event: dict[str, Any]) -> bool:
    """Whether a module refused to send a change because the lease had ended."""
    result = _data(event).get("res")
    error = result.get("error") if isinstance(result, dict) else None
    return isinstance(error, dict) and error.get("kind") == "LeaseLost"


def counts_of(**counts: int) -> dict[str, int]:
    """What Ansible counts for a host; what is not given is 0."""
    return dict.fromkeys(_STATS_WORDS.values(), 0) | counts


def stats_by_host(event: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Ansible's closing counts: host → ok, changed, unreachable, failed, skipped, rescued, ignored."""
    counts: dict[str, dict[str, int]] = {}
    for key, word in _STATS_WORDS.items():
        for host, count in (_data(event).get(key) or {}).items():
            counts.setdefault(host, counts_of())[word] = int(count)
    return counts


def row_of(event: dict[str, Any], *, job_id: str, attempt: int, stream: int, mask: Mask) -> JobEvent:
    """The event's row."""
    data = _data(event)
    result = data.get("res")
    is_failed = is_failure(event)
    message = message_of(event) if is_failed else None
    return JobEvent(
        id=new_id(),
        job_id=job_id,
        attempt=attempt,
        uuid=str(event["uuid"])[:64],
        stream=stream,
        counter=int(event.get("counter") or 0),
        event=str(event["event"])[:50],
        play=_text(data.get("play"), 300),
        task=_text(data.get("task"), 500),
        task_uuid=_text(data.get("task_uuid"), 64),
        action=_text(data.get("task_action"), 200),
        host=_text(data.get("host"), 100),
        is_changed=isinstance(result, dict) and bool(result.get("changed")) and not is_failed,
        is_failed=is_failed,
        at=_moment(event.get("created")),
        duration_s=data.get("duration") if isinstance(data.get("duration"), int | float) else None,
        message=message and _text(mask(message), MAX_MESSAGE),
        stdout=_text(mask(str(event.get("stdout") or "")), MAX_STDOUT) or "",
    )


ANSWERED = "Instances that answered"  # the task that pages show above what answer_row makes


def answers_uuid(job_id: str, attempt: int, host: str = "") -> str:
    """The id of what ``host`` answered in that attempt; without a host of all answers together."""
    return str(uuid5(NAMESPACE_OID, f"{job_id}/{attempt}/{host}"))


def answer_row(
    job_id: str, attempt: int, *, stream: int, host: str = "", result: Mapping[str, Any] | None = None,
    mask: Mask,
) -> JobEvent:  # fmt: skip
    """A row for what ``host`` answered in a task that asked many; without a host the row above these."""
    text = (result or {}).get("summary") if host else None
    return JobEvent(
        id=new_id(),
        job_id=job_id,
        attempt=attempt,
        uuid=answers_uuid(job_id, attempt, host or "all"),
        stream=stream,
        counter=0,
        event="runner_on_ok" if host else TASK_STARTS[0],
        task=ANSWERED,
        task_uuid=answers_uuid(job_id, attempt),
        host=_text(host, 100),
        at=now(),
        message=_text(mask(str(text)), MAX_MESSAGE) if text else None,
        stdout="",
    )


def _data(event: dict[str, Any]) -> dict[str, Any]:
    data = event.get("event_data")
    return data if isinstance(data, dict) else {}


def _text(value: Any, length: int) -> str | None:
    return str(value).replace("\x00", "")[:length] if value not in (None, "") else None


def _moment(created: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(created))
    except ValueError:
        return now()
    return at if at.tzinfo else at.replace(tzinfo=UTC)
