"""What people do in the demo, all of it by the portal's pages over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from textwrap import wrap

from demo.instances import PLATFORM_LOGIN, DemoError, Estate, draw_password
from demo.services import Platform
from demo.visitor import Visitor

POOL = "standalone"
APPLICATION, DATABASE, SIZE_GIB = "shop", "orders", "10"
ID = "[0-9A-Z]{26}"
WAIT_S = 120  # for a job; some seconds are usual
LOOK_S = 0.15  # between two looks at something that changes
OUTPUT_LINES = 20  # of a failed job that are shown
_SUMMARY = re.compile(r'<p class="[^"]*\blead\b[^"]*">(.*?)</p>', re.DOTALL)
_JOB_STATE = re.compile(r'class="job-state">.*?data-state="(\w+)"', re.DOTALL)
_JOB_ENDED = ("successful", "failed", "error", "canceled")
_EVENT = re.compile(r"<li[^>]*>\s*<strong>(.*?)</strong>", re.DOTALL)


@dataclass(frozen=True)
class Person:
    """Somebody with an account. The password is drawn at each start."""

    role: str
    email: str
    password: str


def draw_people() -> dict[str, Person]:
    """The demo's users by role."""
    return {
        role: Person(role, f"{role}@example.com", draw_password())
        for role in ("admin", "operator", "customer")
    }


class Story:
    """Tells what happens while it happens. Every step raises :class:`DemoError` when it does not work."""

    def __init__(self, platform: Platform, people: dict[str, Person], say: Callable[[str], None]) -> None:
        self._platform = platform
        self._people = people
        self._say = say
        self._visitors: dict[str, Visitor] = {}
        self._told = 0  # steps of the request

    def visitor(self, role: str) -> Visitor:
        """The person with that role at their browser, logged in."""
        if role not in self._visitors:
            person = self._people[role]
            visitor = Visitor(self._platform.address, f"the {role}")
            visitor.open("/login")
            visitor.press("Log in", email=person.email, password=person.password)
            if visitor.path != "/":
                raise DemoError(f"The {role} could not log in.")
            self._visitors[role] = visitor
        return self._visitors[role]

    def add_pool(self, estate: Estate) -> str:
        """The admin tells the platform of the elevated account, a pool and its instances; the pool's page."""
        admin = self.visitor("admin")
        admin.open("/accounts/new")
        admin.press(
            "Save", name="platform on the demo's instances", login_user=PLATFORM_LOGIN,
            login_password=estate.platform_password,
        )  # fmt: skip
        admin.open("/pools/new")
        admin.press("Save", name=POOL, description="Instances on servers of their own.")
        pool = admin.path
        self._say(f"  admin     elevated account {PLATFORM_LOGIN}, pool {POOL}")
        for name, instance in estate.instances.items():
            admin.open(f"/instances/new?pool={pool.rsplit('/', 1)[1]}")
            admin.press(
                "Save",
                name=name,
                host=instance["host"],
                port=str(instance["port"]),
                trust_server_certificate="y",
            )
            self._say(f"  admin     instance {name}")
        return pool

    def discover(self, pool: str) -> None:
        """The admin has the account checked and the instances looked at: two jobs."""
        admin = self.visitor("admin")
        for button, words in (("Check account", "account checked"), ("Discover now", "instances discovered")):
            admin.open(pool)
            admin.press(button)
            self.wait_for_job(admin.path, words)

    def register(self, role: str, message: str) -> None:
        """Somebody asks for an account, and the admin says yes."""
        person = self._people[role]
        guest = Visitor(self._platform.address, f"the {role}")
        guest.open("/register")
        guest.press(
            "Ask for an account", name=f"Demo {role}", email=person.email, password=person.password,
            again=person.password, message=message,
        )  # fmt: skip
        self._say(f"  {role:9} registered as {person.email}")
        admin = self.visitor("admin")
        admin.open("/users")
        user = admin.links(rf"/users/{ID}")
        if not user:
            raise DemoError("The page /users shows nobody who registered.")
        for path in dict.fromkeys(user):
            if person.email in admin.open(path):
                admin.press("Approve", role=role)
                self._say(f"  admin     approved {person.email} as {role}")
                return
        raise DemoError(f"{person.email} is not among the users who wait.")

    def book(self, application: str = APPLICATION) -> str:
        """The customer goes through the wizard; the request's page."""
        customer = self.visitor("customer")
        customer.open("/book")
        customer.press("Next", name=application)
        customer.press("Next", kind="standalone")
        customer.press("Next")  # the pool's own collation
        customer.press("Next", database=DATABASE, size_gib=SIZE_GIB)
        customer.press("Book", reason="The web shop's orders.")
        if not re.fullmatch(f"/bookings/{ID}", customer.path):
            raise DemoError(f"The booking led to {customer.path}.")
        self._say(
            f"  customer  booked {application} with a database {application}_{DATABASE} of {SIZE_GIB} GiB"
        )
        return customer.path

    def follow(self, booking: str, until: str) -> None:
        """Tell each step of the request until its state, or a step's first word, is ``until``."""
        customer = self.visitor("customer")
        for _ in self._looks(f"the request {booking}"):
            live = customer.json(f"{booking}/live")
            events = [unescape(event).lower() for event in _EVENT.findall(live["html"])]
            for event in events[self._told :]:
                self._say(f"  platform  request: {event}")
            self._told = len(events)
            state = live["version"].split()[0]
            if state == until or any(event.startswith(until) for event in events):
                return
            if live["is_over"] or events[-1].startswith("planning failed"):
                raise DemoError(self._why(f"The request {booking} ended otherwise: {events[-1]}.", booking))

    def wait_for_job(self, path: str, words: str) -> None:
        """Until the job ended; it has to be successful."""
        admin = self.visitor("admin")
        started = time.monotonic()
        for _ in self._looks(f"the job {path}"):
            found = _JOB_STATE.search(admin.open(path))
            state = found.group(1) if found else "unknown"
            if state == "successful":
                self._say(f"  worker    {words}: {path}  ({time.monotonic() - started:.1f} s)")
                return
            if state in _JOB_ENDED:
                raise DemoError(
                    f"The job {path} ended as {state}; its output is on its page and in worker.log."
                )

    def _why(self, what: str, path: str) -> str:
        """``what`` went wrong, what the page says of it, and the end of its newest job's output."""
        admin = self.visitor("admin")
        admin.open(path)
        said = admin.said()
        for job in ([path] if path.startswith("/jobs/") else admin.links(f"/jobs/{ID}"))[-1:]:
            admin.open(job)
            said += admin.said()
            said += "\n" + "\n".join(admin.open(f"{job}/output.txt").splitlines()[-OUTPUT_LINES:])
        return what + said

    def approve(self) -> None:
        """The admin opens the plan that waits, reads it and approves it."""
        admin = self.visitor("admin")
        admin.open("/approvals")
        waiting = list(dict.fromkeys(admin.links(rf"/approvals/{ID}")))
        if len(waiting) != 1:
            raise DemoError(f"{len(waiting)} plans wait for approval, one was expected.")
        page = admin.open(waiting[0])
        plan_hash = re.search(r'title="([0-9a-f]{64})"', page)
        summary = _SUMMARY.search(page)
        if plan_hash is None or summary is None:
            raise DemoError(f"The page {admin.path} shows no plan.")
        words = " ".join(unescape(re.sub("<[^>]+>", "", summary.group(1))).split())
        for line in wrap(words, 90):
            self._say(f"            {line}")
        admin.press("Approve")
        self._say(f"  admin     approved it, as the plan {plan_hash.group(1)[:12]}: {waiting[0]}")

    def jobs(self) -> list[str]:
        """The addresses of all jobs, the oldest first."""
        admin = self.visitor("admin")
        admin.open("/jobs")
        return sorted(set(admin.links(f"/jobs/{ID}")))  # ids sort by time

    def journal_of(self, job: str) -> str:
        """The job's journal, as the portal stored it."""
        return self.visitor("admin").open(f"{job}/journal.jsonl")

    def reveal_password(self) -> str:
        """The customer looks at the password, which the platform then forgets."""
        customer = self.visitor("customer")
        customer.open("/applications")
        (application,) = set(customer.links(f"/applications/{ID}"))
        customer.open(f"{application}/logins")
        page = customer.press("Show the password once")
        found = re.search(r"data-password>(.*?)<", page)
        if found is None:
            raise DemoError("The page that shows the password once does not show it.")
        return unescape(found.group(1))

    def create_token(self, name: str) -> str:
        """A token of the admin that may read the elevated account's password, for an inventory."""
        admin = self.visitor("admin")
        admin.open("/account/tokens")
        page = admin.press("Create the token", name=name, sees_secrets="y")
        found = re.search(r'data-copy="(sqlh_[^"]+)"', page)
        if found is None:
            raise DemoError("The page of the new token does not show it.")
        return unescape(found.group(1))

    def _looks(self, what: str) -> Iterator[None]:
        """Every now and then; raises :class:`DemoError` when it takes too long or the platform died."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            self._platform.check_alive()
            yield
            time.sleep(LOOK_S)
        raise DemoError(
            f"Nothing more happened with {what} for {WAIT_S} s; see worker.log and dispatcher.log."
        )
