"""Secrets are planted, a booking is made with a failure and a second try, then they are looked for."""

from __future__ import annotations

import base64
import json
import re
import stat
import zlib
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

from playwright.sync_api import expect

from tests.end_to_end.crawling import crawl
from tests.end_to_end.people import ID, Customer, Staff, Town, path_of
from tests.support.engine import wait_until
from tests.support.leaks import database_texts, file_texts, leaks, watched_processes
from tests.support.platform import Platform

OUR_OWN = ("keys/", "simulator/", "redis/redis.conf")  # what the test itself wrote down


def test_a_planted_secret_is_found_nowhere(town: Town) -> None:
    customer, admin = town.customer("banker"), town.admin()
    platform = town.platform
    token = make_token(admin)
    assert platform.secrets.elevated in read_inventory(platform, token)
    with watched_processes(platform.process_ids) as processes:
        request = customer.book("vault", reason="Nobody else's business.")
        customer.wait_for_plan()
        plan = admin.open_plan("vault")
        during = held_job(town, customer, admin)
        job = path_of(admin.page)
        customer.open(request)
        customer.wait_for("failed", event="Failed")
        admin.open(job)
        admin.press("Resume")
        expect(admin.page).not_to_have_url(re.compile(f"{job}$"))
        expect(admin.page).to_have_url(re.compile(f"/jobs/{ID}$"))
        admin.wait_for_job()
        second_job = path_of(admin.page)
        customer.open(request)
        customer.wait_for("deployed", event="Done")
        wait_until(lambda: not platform.has_work(), "the measuring that follows has ended", timeout_s=120)
    customer.follow("Open vault")
    application = path_of(customer.page)
    in_database_before = list(database_texts_of(platform))
    password = customer.reveal_password()

    planted = {
        "the elevated account's password": platform.secrets.elevated_core,
        "the customer's password": password,
        "the API token": token,
        "the encryption key": platform.secrets.encryption_key,
        "the secret key": platform.secrets.secret_key,
        "the password of Redis": platform.redis.password,
        "the admin's password": platform.admin_password,
        "the customer's own password": platform.passwords[customer.email],
        **session_tokens(admin, "the admin"),
        **session_tokens(customer, "the customer"),
    }
    looked_at = {
        **{f"{place} while a job ran": text for place, text in during.items()},
        **processes,
        **{f"file {path}": text for path, text in files_of(platform).items()},
        "Redis": platform.redis.dump(),
        "the logs": platform.logs(),
    }
    # What is no secret is found, so secrets would be.
    public = {"login": "vault_app"}
    assert leaks({"job": job.rpartition("/")[2]}, {"Redis": during["Redis"]})
    assert any("SQLHOSTING_APPROVED_PLAN" in text for text in processes.values())
    assert any("inventory.yml" in place or "extravars" in place for place in during)
    assert leaks(public, in_database_before)
    assert leaks(public, {place: text for place, text in looked_at.items() if "platform.db" in place})
    assert leaks(planted, looked_at) == []
    assert leaks(planted, in_database_before) == []
    assert leaks(planted, database_texts_of(platform)) == []
    assert list((platform.data_folder / "jobs").iterdir()) == []

    begin = (job, second_job, plan, request, application, f"{job}/statements", f"{second_job}/statements")
    pages = crawl(admin.page.context, platform.address, [*begin, f"{second_job}/details", "/"])
    own = crawl(customer.page.context, platform.address, [request, application, "/"])
    visited = " ".join(pages)
    for kind in (
        "/users/",
        "/pools/",
        "/instances/",
        "/statements/",
        "journal",
        ".sql",
        "/elevated-accounts/",
    ):
        assert kind in visited, f"no page of the kind {kind} was found: {visited}"
    assert leaks(public, {path: text for path, text in pages.items() if path.endswith(".jsonl")})
    assert leaks(public, {path: text for path, text in pages.items() if path.startswith("/statements/")})
    assert leaks(planted, {f"page {path} of the admin": text for path, text in pages.items()}) == []
    assert leaks(planted, {f"page {path} of the customer": text for path, text in own.items()}) == []


def held_job(town: Town, customer: Customer, admin: Staff) -> dict[str, str]:
    """Approve, look everywhere while a statement with a password is held, then let the next one fail.

    Leaves the admin on the job's page.
    """
    platform, control = town.platform, town.platform.simulator.control
    faults = []
    for name in platform.simulator.instances:
        hold = {"kind": "hold", "pattern": r"CREATE LOGIN \[vault_app\]"}
        fail = {"kind": "error", "pattern": r"CREATE USER \[vault_app\]", "number": 1105, "times": 1}
        faults.append(control.call("add_fault", instance=name, fault=hold)["id"])
        control.call("add_fault", instance=name, fault=fail)
    admin.approve_plan()
    customer.wait_for("running", event="Being carried out")
    admin.open(
        customer.page.locator("[data-live]").get_by_role("link", name="Job").first.get_attribute("href")
    )
    wait_until(lambda: is_held(control), "the statement that creates the login")
    expect(admin.page.locator("#job-heading")).to_be_visible()
    found = {
        "Redis": platform.redis.dump(),
        "the job's page": admin.page.content(),
        "the logs": platform.logs(),
        **{f"table {place}": text for place, text in database_texts_of(platform)},
        **look_into_private_folder(platform),
    }
    for fault in faults:
        control.call("remove_fault", id=fault)
    admin.wait_for_job("failed")
    control.call("clear_faults")
    return found


def is_held(control: Any) -> bool:
    """Whether a fault holds a message now."""
    return any(fault.get("held") for fault in control.call("faults")["faults"])


def look_into_private_folder(platform: Platform) -> dict[str, str]:
    """The files of the running job without those in its secrets/, which are its owner's alone."""
    jobs = platform.data_folder / "jobs"
    (folder,) = jobs.iterdir()
    assert stat.S_IMODE(jobs.stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o700
    kept = list((folder / "secrets").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}
    assert any(platform.secrets.elevated == file.read_text().rstrip("\n") for file in kept), "nothing to find"
    return {f"file {path}": text for path, text in files_of(platform).items() if "/secrets/" not in path}


def files_of(platform: Platform) -> dict[str, str]:
    """All files that the platform wrote: database, logs, data folder, home, temporary files."""
    return {path: text for path, text in file_texts(platform.folder).items() if not path.startswith(OUR_OWN)}


def database_texts_of(platform: Platform) -> list[tuple[str, str]]:
    """Every cell of the platform database."""
    with platform.database() as engine:
        return list(database_texts(engine))


def make_token(admin: Staff) -> str:
    """An API token that may read passwords."""
    admin.open("/account/tokens")
    admin.page.get_by_label("What for").fill("inventory")
    admin.page.get_by_label("May read passwords of elevated accounts").check()
    admin.press("Create the token")
    token = admin.page.locator("[data-secret] code").inner_text()
    admin.follow("I have kept it")
    return token


def read_inventory(platform: Platform, token: str) -> str:
    """What the API tells the holder of the token; JSON decoded and written as Python does."""
    connection = HTTPConnection(platform.address.removeprefix("http://"), timeout=30)
    with closing(connection):
        connection.request("GET", "/api/v1/inventory", headers={"Authorization": f"Bearer {token}"})
        return " ".join(texts_in(json.load(connection.getresponse())))


def texts_in(document: Any) -> list[str]:
    """All texts of a JSON document."""
    if isinstance(document, dict):
        return [text for value in document.values() for text in texts_in(value)]
    if isinstance(document, list):
        return [text for value in document for text in texts_in(value)]
    return [document] if isinstance(document, str) else []


def session_tokens(person: Staff | Customer, who: str) -> dict[str, str]:
    """The cookie of a log-in, and the token inside it that the platform knows the log-in by."""
    (cookie,) = [one["value"] for one in person.page.context.cookies() if one["name"] == "sqlhosting"]
    payload = cookie.lstrip(".").split(".")[0]
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    content = json.loads(zlib.decompress(raw) if cookie.startswith(".") else raw)
    return {f"the cookie of {who}": cookie, f"the session token of {who}": content["_user_id"]}
