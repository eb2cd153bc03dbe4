"""Operators send an elevated account's password to another place only when they know it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from tests.support.portal import Client, Portal
from tests.webapp.pages.pools.test_instance_pages import filled
from webapp.accounts.models import PortalRole
from webapp.audit.models import AuditEntry
from webapp.pools.models import Instance, Pool

KNOWN, GUESSED = "Plat-form-1!", "guessed-Word-1!"


@pytest.fixture
def admin(portal: Portal) -> Client:
    """An admin's browser."""
    return portal.client(portal.create_user(PortalRole.ADMIN))


@pytest.mark.parametrize("typed", ["", GUESSED])
def test_a_new_instance_takes_the_password(
    portal: Portal, operator: Client, admin: Client, typed: str
) -> None:
    pool = portal.create_pool()
    answer = operator.post(f"/instances/new?pool={pool.id}", filled(account_password=typed))
    assert answer.status_code == 422
    assert ("not the password" if typed else "show that you know it") in answer.text
    assert GUESSED not in answer.text
    assert operator.post(f"/instances/new?pool={pool.id}", filled(account_password=KNOWN)).status_code == 302
    other = filled(name="sql02", port=1434, account_password="")
    assert admin.post(f"/instances/new?pool={pool.id}", other).status_code == 302


@pytest.mark.parametrize(
    "change",
    [
        {"host": "203.0.113.9"},
        {"port": 1434},
        {"instance_name": "OTHER"},
        {"trust_server_certificate": "y"},
        {"elevated_account_id": "other"},
    ],
)
def test_another_place_takes_the_password_of_the_account_that_is_used_there(
    portal: Portal, operator: Client, admin: Client, change: dict[str, Any]
) -> None:
    other = portal.create_account(login_password="Other-word-1!")
    instance = portal.create_instance(name="sql01", host="sql01.example.com", trust_server_certificate=False)
    if "elevated_account_id" in change:
        change = {"elevated_account_id": other.id}
    form, path = filled(account_password="", **change), f"/instances/{instance.id}/edit"
    assert operator.post(path, form).status_code == 422
    right = "Other-word-1!" if "elevated_account_id" in change else KNOWN
    assert operator.post(path, {**form, "account_password": right}).status_code == 302
    assert admin.post(path, filled(account_password="")).status_code == 302


def test_what_sends_it_nowhere_else_takes_none(portal: Portal, operator: Client) -> None:
    instance = portal.create_instance(name="sql01", host="sql01.example.com", trust_server_certificate=False)
    form = filled(account_password="", customer_host="db.example.com", is_open="")
    assert operator.post(f"/instances/{instance.id}/edit", form).status_code == 302
    with portal.database.reading() as session:
        assert session.get_one(Instance, instance.id).customer_host == "db.example.com"


def test_another_account_of_a_pool_takes_its_password(
    portal: Portal, operator: Client, admin: Client
) -> None:
    pool, other = portal.create_pool(name="production"), portal.create_account(login_password="Other-word-1!")
    form = {
        "name": "production", "kind": "standalone", "description": "", "elevated_account_id": other.id,
        "is_open": "y", "cpu_percent": 70, "memory_percent": 90, "disk_free_percent": 10, "databases": 50,
        "largest_data_gib": 64, "largest_log_gib": 8, "default_collation": "", "price_per_gib_month": "",
        "currency": "EUR",
    }  # fmt: skip
    path = f"/pools/{pool.id}/edit"
    assert operator.post(path, form).status_code == 422
    assert operator.post(path, {**form, "account_password": KNOWN}).status_code == 422
    assert operator.post(path, {**form, "account_password": "Other-word-1!"}).status_code == 302
    assert admin.post(path, {**form, "elevated_account_id": pool.elevated_account_id}).status_code == 302
    with portal.database.reading() as session:
        assert session.get_one(Pool, pool.id).is_intact


def test_it_cannot_be_found_by_trying(portal: Portal, operator: Client) -> None:
    pool = portal.create_pool()
    path = f"/instances/new?pool={pool.id}"
    for _ in range(10):
        assert operator.post(path, filled(account_password=GUESSED)).status_code == 422
    assert operator.post(path, filled(account_password=KNOWN)).status_code == 429
    another = portal.client(portal.create_user(PortalRole.OPERATOR))
    assert another.post(path, filled(account_password=KNOWN)).status_code == 302
    with portal.database.reading() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "elevated_account:wrong_password")
        ).all()
        assert len(entries) == 10
        assert GUESSED not in str([entry.details for entry in entries])


def test_a_form_that_is_refused_for_another_reason_counts_as_no_guess(
    portal: Portal, operator: Client
) -> None:
    pool = portal.create_pool()
    path = f"/instances/new?pool={pool.id}"
    for _ in range(12):
        assert operator.post(path, filled(name="NOT POSSIBLE", account_password=KNOWN)).status_code == 422
    assert operator.post(path, filled(account_password=KNOWN)).status_code == 302
