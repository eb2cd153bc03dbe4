"""Create, change, show and remove pools."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support.portal import Client, Portal
from tests.webapp.bookings.test_capacity import book
from tests.webapp.pages.pools.payloads import HUGE, NUL, PAYLOADS, SCRIPT, SQL, TEMPLATE, UNICODE
from tests.webapp.pools.conftest import Looks
from tests.webapp.pools.found import discovered, facts, unanswered
from webapp.accounts.models import PortalRole
from webapp.audit.models import AuditEntry
from webapp.jobs.models import Job, OutboxEntry
from webapp.pools.models import Pool, PoolKind


def filled(portal: Portal, **fields: Any) -> dict[str, Any]:
    """The form of a pool."""
    account = fields.pop("account", None) or portal.create_account()
    return {
        "name": "production", "kind": "standalone", "description": "For everybody",
        "elevated_account_id": account.id, "is_open": "y", "cpu_percent": 70, "memory_percent": 90,
        "disk_free_percent": 15, "databases": 50, "largest_data_gib": 200, "largest_log_gib": 30,
        "default_collation": "Latin1_General_100_CI_AS", "price_per_gib_month": "1.25", "currency": "eur",
        **fields,
    }  # fmt: skip


def pools(portal: Portal) -> list[Pool]:
    """All pools."""
    with portal.database.reading() as session:
        return list(session.scalars(select(Pool)))


def test_an_operator_creates_a_pool_and_it_is_audited(portal: Portal, operator: Client) -> None:
    answer = operator.post("/pools/new", filled(portal))
    assert answer.status_code == 302, answer.text
    (pool,) = pools(portal)
    assert (pool.name, pool.kind, pool.cpu_percent, pool.databases) == (
        "production",
        PoolKind.STANDALONE,
        70,
        50,
    )
    assert (str(pool.price_per_gib_month), pool.currency) == ("1.25", "EUR")
    page = operator.get(answer.headers["Location"]).text
    assert "production" in page
    assert "This pool has no instance yet" in page
    with portal.database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "pool:created")).one()
        assert (entry.object_name, entry.details["cpu_percent"]) == ("production", 70)


REFUSED = [
    *(("name", payload) for payload in PAYLOADS),
    *(("name", name) for name in ("all", "ungrouped", "localhost", "Prod", "9lives", "a-b", "a" * 64)),
    ("kind", "cluster"),
    ("kind", SCRIPT),
    *(("description", payload) for payload in (HUGE, NUL, UNICODE, "a\nb")),
    *(("elevated_account_id", payload) for payload in ("", SQL, NUL, "0" * 26)),
    *(
        (field, number)
        for field in ("cpu_percent", "memory_percent", "disk_free_percent", "databases", "largest_data_gib")
        for number in ("", "-1", "1e3", "9" * 30, "9" * 5000, SQL, "50.5")
    ),
    ("cpu_percent", "0"),
    ("cpu_percent", "101"),
    ("disk_free_percent", "100"),
    ("largest_log_gib", "2049"),
    *(("default_collation", payload) for payload in (SCRIPT, SQL, TEMPLATE, HUGE, UNICODE, NUL)),
    *(("price_per_gib_month", price) for price in ("-1", "NaN", "Infinity", "1e400", "free", "100000000")),
    *(("currency", payload) for payload in ("", "EURO", "12€", SCRIPT, NUL)),
]


def test_a_value_that_cannot_be_is_refused_at_its_field(portal: Portal, operator: Client) -> None:
    account = portal.create_account()
    token = operator.csrf_token()  # once: there are many cases
    wrong = []
    for field, value in REFUSED:
        form = {**filled(portal, account=account, **{field: value}), "csrf_token": token}
        answer = operator.client.post("/pools/new", data=form)
        is_refused = answer.status_code == 422 and "invalid-feedback" in answer.text
        if not is_refused or SCRIPT in answer.text:
            wrong.append((field, value[:50], answer.status_code))
    assert wrong == []
    assert pools(portal) == []


def test_fields_that_are_missing_altogether_are_named(portal: Portal, operator: Client) -> None:
    answer = operator.post("/pools/new", {})
    assert answer.status_code == 422
    assert pools(portal) == []


def test_what_was_typed_is_kept_after_an_error(portal: Portal, operator: Client) -> None:
    answer = operator.post("/pools/new", filled(portal, name="Wrong Name", description="stays here"))
    assert 'value="Wrong Name"' in answer.text
    assert 'value="stays here"' in answer.text
    assert "Begin with a lower-case letter" in answer.text


@pytest.mark.parametrize("taken_by", ["pool", "instance"])
def test_a_name_that_is_taken_is_refused(portal: Portal, operator: Client, taken_by: str) -> None:
    if taken_by == "pool":
        portal.create_pool(name="production")
    else:
        portal.create_instance(name="production")
    answer = operator.post("/pools/new", filled(portal))
    assert answer.status_code == 422
    assert "called production already" in answer.text


def test_without_an_account_the_page_says_what_to_do_first(portal: Portal, operator: Client) -> None:
    page = operator.get("/pools/new").text
    assert "needs an elevated account" in page
    assert "/elevated-accounts/new" in page


def test_a_pool_is_changed_and_the_audit_holds_before_and_after(portal: Portal, operator: Client) -> None:
    account = portal.create_account()
    operator.post("/pools/new", filled(portal, account=account))
    (pool,) = pools(portal)
    changed = filled(portal, account=account, cpu_percent=60, price_per_gib_month="")
    del changed["is_open"]
    assert operator.post(f"/pools/{pool.id}/edit", changed).status_code == 302
    (pool,) = pools(portal)
    assert (pool.cpu_percent, pool.price_per_gib_month, pool.is_open) == (60, None, False)
    with portal.database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "pool:changed")).one()
        assert entry.details["changes"] == {
            "cpu_percent": [70, 60],
            "is_open": [True, False],
            "price_per_gib_month": ["1.25", None],
        }


def test_saving_without_a_change_leaves_no_audit_entry(portal: Portal, operator: Client) -> None:
    account = portal.create_account()
    operator.post("/pools/new", filled(portal, account=account))
    (pool,) = pools(portal)
    assert operator.post(f"/pools/{pool.id}/edit", filled(portal, account=account)).status_code == 302
    with portal.database.reading() as session:
        assert not session.scalars(select(AuditEntry).where(AuditEntry.action == "pool:changed")).all()


def test_a_pool_with_applications_keeps_its_name(portal: Portal, operator: Client) -> None:
    account = portal.create_account()
    pool = portal.create_pool(elevated_account_id=account.id)
    book(portal, pool)
    answer = operator.post(f"/pools/{pool.id}/edit", filled(portal, account=account))
    assert answer.status_code == 409
    assert "cannot be changed" in answer.text


def test_the_default_collation_is_one_that_discovery_found(
    portal: Portal, operator: Client, looks: Looks
) -> None:
    account = portal.create_account()
    pool = portal.create_pool(elevated_account_id=account.id)
    instance = portal.create_instance(pool)
    looks.discover(instance, discovered(instance.name, facts()))
    path = f"/pools/{pool.id}/edit"
    unknown = filled(portal, account=account, default_collation="Klingon_CI_AS")
    refused = operator.post(path, unknown)
    assert refused.status_code == 422
    assert "knows this collation" in refused.text
    typed = filled(portal, account=account, default_collation="latin1_general_100_ci_as_sc_utf8")
    assert operator.post(path, typed).status_code == 302
    assert [one.default_collation for one in pools(portal)] == ["Latin1_General_100_CI_AS_SC_UTF8"]
    offered = operator.get(f"/pools/{pool.id}/collations?q=utf8%20latin1").get_json()
    assert offered == {"names": ["Latin1_General_100_CI_AS_SC_UTF8"], "count": 1}


def test_the_list_shows_each_instance_with_state_bars_and_reason(
    portal: Portal, operator: Client, looks: Looks
) -> None:
    pool = portal.create_pool(name="production", cpu_percent=12)
    up, down = (portal.create_instance(pool, name=name) for name in ("up", "down"))
    looks.discover(up, discovered("up", facts()))
    looks.discover(down, unanswered("down", f"no route {SCRIPT}"))
    for path in ("/pools", f"/pools/{pool.id}"):
        page = operator.get(path).text
        assert "CPU 12 of 12\u00a0%" in page
        assert "usage-critical" in page  # at its threshold
        assert "SQL Server 2022" in page
        assert "Not discovered yet." in page
        assert "no route &lt;script&gt;" in page
        assert SCRIPT not in page
    assert "68.0 GiB" not in page
    assert "CPU 12 %, its threshold is 12" in page  # nothing new goes there, whatever its disk has free
    portal.change(pool, cpu_percent=80)
    page = operator.get(f"/pools/{pool.id}").text
    assert "58.1 GiB" in page  # 80 free, without 11.9 promised and 10 kept free


def test_without_pools_the_page_says_what_a_pool_is(portal: Portal, operator: Client) -> None:
    assert "There is no pool yet. A pool holds" in operator.get("/pools").text


def test_a_pool_without_instances_is_removed(portal: Portal, operator: Client) -> None:
    pool = portal.create_pool()
    assert operator.post(f"/pools/{pool.id}/delete").status_code == 302
    assert pools(portal) == []


def test_a_pool_in_use_is_not_removed_and_it_is_said_why(portal: Portal, operator: Client) -> None:
    pool = portal.create_pool()
    portal.create_instance(pool, name="sql01")
    answer = operator.post(f"/pools/{pool.id}/delete")
    assert answer.status_code == 409
    assert "sql01" in answer.text
    assert len(pools(portal)) == 1


@pytest.mark.parametrize(("path", "template"), [("discover", "discover"), ("check-account", "check_account")])
def test_a_pool_is_looked_at_by_a_job(portal: Portal, operator: Client, path: str, template: str) -> None:
    pool = portal.create_pool(name="production")
    empty = operator.post(f"/pools/{pool.id}/{path}")
    assert empty.status_code == 409
    portal.create_instance(pool)
    answer = operator.post(f"/pools/{pool.id}/{path}")
    assert answer.status_code == 302
    with portal.database.reading() as session:
        job = session.scalars(select(Job)).one()
        assert answer.headers["Location"] == f"/jobs/{job.id}"
        assert (job.template, job.parameters, job.subject("pool")) == (
            template,
            {"pool_id": pool.id},
            pool.id,
        )
        assert job.targets == []  # looking needs nothing for itself
        assert session.scalar(select(func.count()).select_from(OutboxEntry)) == 1


def test_viewers_read_and_customers_see_nothing(portal: Portal) -> None:
    pool = portal.create_pool(name="production")
    viewer = portal.client(portal.create_user(PortalRole.VIEWER))
    customer = portal.client(portal.create_user())
    for path in ("/pools", f"/pools/{pool.id}"):
        page = viewer.get(path)
        assert page.status_code == 200
        assert "<form" not in page.text.split("<main")[1].split("</main>")[0]
        assert customer.get(path).status_code == 403
    for path in (
        f"/pools/{pool.id}/discover",
        f"/pools/{pool.id}/delete",
        "/pools/new",
        f"/pools/{pool.id}/edit",
    ):
        assert viewer.post(path).status_code == 403
        assert customer.post(path).status_code == 403
    assert len(pools(portal)) == 1


@pytest.mark.parametrize("key", ["nothing", "0" * 26, "%00", "%27%20OR%201=1--", "a" * 5000])
def test_a_pool_that_is_not_there_is_not_found(portal: Portal, operator: Client, key: str) -> None:
    assert operator.get(f"/pools/{key}").status_code == 404
    assert operator.get(f"/instances/{key}").status_code == 404
    assert operator.get(f"/elevated-accounts/{key}/edit").status_code == 404
    assert operator.get(f"/instances/new?pool={key}").status_code == 404
