"""Errors that people see, and how pages and API show them.

PlatformError
├── InvalidInput    a field's value; names field, problem and remedy           422
├── NotAllowed      the user may not do this                                   403
├── NotFound        it is not there, or not this user's                        404
├── Conflict        somebody else was faster, or the state does not allow it   409
└── Unavailable     something the platform needs does not answer               503
"""

from __future__ import annotations


class PlatformError(Exception):
    """Base of all errors with a text for people."""

    status = 500


class InvalidInput(PlatformError):
    """A value that cannot be."""

    status = 422

    def __init__(self, field: str, problem: str, remedy: str = "") -> None:
        self.field, self.problem, self.remedy = field, problem, remedy
        super().__init__(". ".join(part for part in (problem, remedy) if part))


class NotAllowed(PlatformError):
    """The user may not do this."""

    status = 403

    def __init__(self, text: str = "Your role does not allow this. Ask an admin if you need it.") -> None:
        super().__init__(text)


class NotFound(PlatformError):
    """It is not there; or it is somebody else's, which must look the same."""

    status = 404


class Conflict(PlatformError):
    """The state of the object does not allow it, often because somebody else was faster."""

    status = 409


class Unavailable(PlatformError):
    """Something the platform needs does not answer."""

    status = 503
