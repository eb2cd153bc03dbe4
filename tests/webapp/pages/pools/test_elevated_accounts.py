"""Elevated accounts: their passwords go in and never come out."""

from __future__ import annotations

import json

from sqlalchemy import select, text

from tests.support.portal import Client, Portal
from tests.webapp.pages.pools.payloads import HUGE, NUL, SCRIPT, TEMPLATE, UNICODE
from tests.webapp.pools.conftest import Looks
from tests.webapp.pools.found import checked
from webapp.accounts.models import PortalRole
from webapp.audit.models import AuditEntry
from webapp.pools.models import ElevatedAccount, Instance

SECRET = "Pl4nted-Secret-Pass!"


def passwords(portal: Portal) -> dict[str, str]:
    """Opened passwords by the account's name."""
    with portal.database.reading() as session:
        return {one.name: one.login_password for one in session.scalars(select(ElevatedAccount))}


def everything_audited(portal: Portal) -> str:
    """All audit entries as text."""
    with portal.database.reading() as session:
        return json.dumps([[e.action, e.object_name, e.details] for e in session.scalars(select(AuditEntry))])


def test_a_password_is_sealed_and_on_no_page(portal: Portal, operator: Client) -> None:
    form = {"name": "platform on production", "login_user": "platform", "login_password": SECRET}
    assert operator.post("/accounts/new", form).status_code == 302
    assert passwords(portal) == {"platform on production": SECRET}
    with portal.database.reading() as session:
        account = session.scalars(select(ElevatedAccount)).one()
        raw = session.execute(text("SELECT login_password FROM elevated_accounts")).scalar_one()
    assert SECRET not in raw
    for path in ("/accounts", f"/accounts/{account.id}/edit"):
        assert SECRET not in operator.get(path).text
    refused = operator.post("/accounts/new", form)
    assert refused.status_code == 422
    assert "There is an account of this name already" in refused.text
    assert SECRET not in refused.text
    audited = everything_audited(portal)
    assert "elevated_account:created" in audited
    assert SECRET not in audited


def test_an_empty_password_keeps_the_old_one_and_a_new_one_replaces_it(
    portal: Portal, operator: Client
) -> None:
    account = portal.create_account(name="one", login_password=SECRET)
    path = f"/accounts/{account.id}/edit"
    kept = {"name": "renamed", "login_user": "platform", "login_password": ""}
    assert operator.post(path, kept).status_code == 302
    assert passwords(portal) == {"renamed": SECRET}
    assert operator.post(path, {**kept, "login_password": "An-other-1!"}).status_code == 302
    assert passwords(portal) == {"renamed": "An-other-1!"}
    with portal.database.reading() as session:
        entries = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.action == "elevated_account:changed")
            .order_by(AuditEntry.number)
        ).all()
    assert [entry.details["is_password_changed"] for entry in entries] == [False, True]
    assert "An-other-1!" not in everything_audited(portal)


def test_a_new_password_makes_earlier_checks_worthless(
    portal: Portal, operator: Client, looks: Looks
) -> None:
    pool = portal.create_pool()
    instance = portal.create_instance(pool)
    other = portal.create_instance()
    for one in (instance, other):
        looks.observe(looks.create_job("check_account", instance_id=one.id), checked(one.name))
    form = {"name": "x", "login_user": "platform", "login_password": SECRET}
    assert operator.post(f"/accounts/{pool.elevated_account_id}/edit", form).status_code == 302
    with portal.database.reading() as session:
        assert session.get_one(Instance, instance.id).account_check is None
        assert session.get_one(Instance, other.id).account_check is not None


REFUSED = [
    *(("name", payload) for payload in ("", " ", HUGE, NUL, "a\nb", "a" * 101, UNICODE)),
    *(("login_user", payload) for payload in ("", HUGE, NUL, TEMPLATE, "{% x", "a\tb", "a" * 129)),
    *(("login_password", payload) for payload in ("", "x" * 129, " leading", "trailing ", "a\nb", NUL)),
]


def test_a_value_that_cannot_be_is_refused_at_its_field(portal: Portal, operator: Client) -> None:
    good = {"name": "one", "login_user": "platform", "login_password": SECRET}
    token = operator.csrf_token()  # once: there are many cases
    wrong = []
    for field, value in REFUSED:
        form = {**good, field: value, "csrf_token": token}
        answer = operator.client.post("/accounts/new", data=form)
        is_refused = answer.status_code == 422 and "invalid-feedback" in answer.text
        if not is_refused or SCRIPT in answer.text or SECRET in answer.text:
            wrong.append((field, value[:50], answer.status_code))
    assert wrong == []
    assert passwords(portal) == {}


def test_names_of_logins_are_shown_as_text(portal: Portal, operator: Client) -> None:
    form = {"name": SCRIPT, "login_user": "o'brien]--", "login_password": "p';--{}\"\\"}
    assert operator.post("/accounts/new", form).status_code == 302
    assert passwords(portal) == {SCRIPT: "p';--{}\"\\"}
    page = operator.get("/accounts").text
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_an_account_in_use_is_not_removed_and_it_is_said_by_what(portal: Portal, operator: Client) -> None:
    pool = portal.create_pool(name="production")
    own = portal.create_account(name="own")
    portal.create_instance(pool, name="sql01", elevated_account_id=own.id)
    for account_id, user in ((pool.elevated_account_id, "pool production"), (own.id, "instance sql01")):
        answer = operator.post(f"/accounts/{account_id}/delete")
        assert answer.status_code == 409
        assert user in answer.text
    assert user in operator.get("/accounts").text


def test_an_account_that_nothing_uses_is_removed(portal: Portal, operator: Client) -> None:
    account = portal.create_account()
    assert operator.post(f"/accounts/{account.id}/delete").status_code == 302
    assert passwords(portal) == {}
    assert operator.post(f"/accounts/{account.id}/delete").status_code == 404


def test_viewers_read_and_customers_see_nothing(portal: Portal) -> None:
    account = portal.create_account(name="one")
    viewer = portal.client(portal.create_user(PortalRole.VIEWER))
    customer = portal.client(portal.create_user())
    assert "one" in viewer.get("/accounts").text
    assert viewer.get(f"/accounts/{account.id}/edit").status_code == 403
    assert viewer.post(f"/accounts/{account.id}/delete").status_code == 403
    assert customer.get("/accounts").status_code == 403
    assert customer.post("/accounts/new").status_code == 403
