"""What a kind of request answers. No answer has a default: a kind that forgets one cannot be made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy.orm import Session

from webapp.accounts.models import User
from webapp.bookings.models import Booking
from webapp.jobs.models import Job
from webapp.pools.models import Pool
from webapp.signed_rows import Signed

Wish = TypeVar("Wish")  # what it takes, of ``wishes.py``; None where there is nothing to choose


@dataclass(frozen=True)
class Fact:
    """A line of what is asked for; ``is_name``: shown in monospace."""

    what: str
    value: str
    is_name: bool = False


class RequestKind(ABC, Generic[Wish]):
    """One kind of request. Stateless; every class attribute and every method has to be given."""

    name: ClassVar[str]  # snake_case: in rows, seals and the audit log; playbooks/<name>.yml carries it out
    subject: ClassVar[str]  # the kind of what it is about; a target kind of jobs/subjects.py
    label: ClassVar[str]  # what lists and filters call it: "Add a database"
    policy_words: ClassVar[str]  # several of them, in a policy's sentence: "new databases"
    form: ClassVar[str]  # its fields when it was sent back: templates/bookings/forms/<form>.html
    is_alone: ClassVar[bool]  # nothing else may be open for the same thing
    changes_structure: ClassVar[bool]  # which logins enter which databases: no two such plans hold together
    asks_for_space: ClassVar[bool]  # ``data_limit_mib`` is among its parameters
    makes_database: ClassVar[bool]  # its playbook makes sure that the instance has room for a new one
    chooses_place: ClassVar[bool]  # its playbook chooses the instance
    reserves_names: ClassVar[bool]  # rows hold names for it until it ends
    sets_password: ClassVar[bool]  # ``Booking.secret`` is drawn for it and given to its playbook

    def __init__(self) -> None:
        missing = [name for name in RequestKind.__annotations__ if not hasattr(self, name)]
        if missing:
            raise TypeError(f"{type(self).__name__} does not say {', '.join(missing)}")

    @abstractmethod
    def title(self, booking: Booking) -> str:
        """What the request does, in a few words."""

    @abstractmethod
    def subject_name(self, booking: Booking) -> str:
        """What people call the thing that it is about."""

    @abstractmethod
    def customer(self, booking: Booking) -> User | None:
        """Whose that thing is; None when it is the hosting team's own."""

    @abstractmethod
    def pool(self, booking: Booking) -> Pool | None:
        """The pool whose policies count and whose instances may be chosen; None when there is none."""

    @abstractmethod
    def built_on(self, session: Session, booking: Booking) -> list[Signed]:
        """The signed rows that what it does is read from, besides its own and those of where it runs."""

    @abstractmethod
    def instance_id(self, session: Session, booking: Booking) -> str | None:
        """The instance that it is bound to; None when the run finds the fittest one of the pool."""

    @abstractmethod
    def database_prefix(self, booking: Booking) -> str | None:
        """What the names of the databases begin with that its statements may run in; None: master only."""

    @abstractmethod
    def facts(self, booking: Booking) -> list[Fact]:
        """What is asked for, line by line, in words that a customer understands."""

    @abstractmethod
    def variables(self, booking: Booking) -> dict[str, Any]:
        """The extra vars of its playbook, the same at every call; never a secret, nor where it runs."""

    @abstractmethod
    def part_id(self, booking: Booking) -> str | None:
        """The database or login that it is about: two requests about one part wait for each other."""

    @abstractmethod
    def wish_before(self, booking: Booking) -> Wish:
        """What ``booking`` asks for as it is now."""

    @abstractmethod
    def change(self, session: Session, booking: Booking, wish: Wish) -> None:
        """Put what is asked for after an approver sent it back into the request and what it reserves.

        Raises :class:`webapp.errors.InvalidInput`.
        """

    @abstractmethod
    def deployed(self, session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
        """``job`` did it: let the rows follow. ``results``: what its playbook told, which may be nothing."""

    @abstractmethod
    def ended_unbuilt(self, session: Session, booking: Booking) -> None:
        """It was rejected or canceled: free what it reserved."""
