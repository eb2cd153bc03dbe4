"""Create, change, show, look at and remove instances."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.portal import Client, Portal
from tests.webapp.bookings.test_capacity import book
from tests.webapp.pages.pools.payloads import HUGE, NUL, PAYLOADS, SCRIPT, SQL, TEMPLATE, UNICODE
from tests.webapp.pools.conftest import Looks
from tests.webapp.pools.found import GIB, checked, discovered, facts, unanswered
from webapp.accounts.models import PortalRole
from webapp.applications.models import Application, ApplicationState
from webapp.audit.models import AuditEntry
from webapp.jobs.models import Job
from webapp.pools.models import Discovery, Instance, Pool, Reachability


def filled(**fields: Any) -> dict[str, Any]:
    """The form of an instance."""
    return {
        "name": "sql01", "host": "SQL01.example.com", "port": 1433, "instance_name": "", "customer_host": "",
        "customer_port": "", "elevated_account_id": "", "is_open": "y", "account_password": "Plat-form-1!",
        **fields,
    }  # fmt: skip


def form_of(page: str) -> dict[str, str]:
    """What stands in the page's input fields."""
    found = re.findall(r"<input[^>]*>", page)
    fields = ((re.search(r'name="([^"]+)"', one), re.search(r'value="([^"]*)"', one)) for one in found)
    return {name.group(1): value.group(1) if value else "" for name, value in fields if name}


def instances(portal: Portal) -> list[Instance]:
    """All instances."""
    with portal.database.reading() as session:
        return list(session.scalars(select(Instance)))


@pytest.fixture
def pool(portal: Portal) -> Pool:
    """A pool without instances."""
    return portal.create_pool(name="production")


def test_an_operator_adds_an_instance_with_what_can_be_left_out(
    portal: Portal, operator: Client, pool: Pool
) -> None:
    answer = operator.post(f"/instances/new?pool={pool.id}", filled())
    assert answer.status_code == 302, answer.text
    (instance,) = instances(portal)
    assert (instance.host, instance.port, instance.pool_id) == ("sql01.example.com", 1433, pool.id)
    assert (instance.customer_host, instance.customer_port) == ("sql01.example.com", 1433)
    assert (instance.trust_server_certificate, instance.is_open) == (False, True)
    page = operator.get(answer.headers["Location"]).text
    assert "Nobody has looked at this instance yet" in page
    with portal.database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "instance:created")).one()
        assert (entry.object_name, entry.details["host"]) == ("sql01", "sql01.example.com")


REFUSED = [
    *(("name", payload) for payload in PAYLOADS),
    *(
        ("name", name)
        for name in ("all", "localhost", "SQL01", "-a", "sql01.example.com", "sql[1:3]", "a" * 64)
    ),
    *(("host", payload) for payload in PAYLOADS),
    *(("host", host) for host in ("1.2.3", "300.1.1.1", "sql01,1433", "sql01\\X", "a..b", ":::", "-a.b")),
    *(("port", port) for port in ("0", "65536", "-1", "x", "9" * 5000, SQL, "")),
    *(("instance_name", payload) for payload in (SCRIPT, SQL, TEMPLATE, HUGE, UNICODE, NUL, "a" * 17, "1st")),
    *(("customer_host", payload) for payload in (SCRIPT, SQL, TEMPLATE, HUGE, UNICODE, NUL)),
    *(("customer_port", port) for port in ("0", "65536", "x")),
    *(("elevated_account_id", payload) for payload in ("0" * 26, SQL, NUL)),
]


def test_a_value_that_cannot_be_is_refused_at_its_field(portal: Portal, operator: Client, pool: Pool) -> None:
    token = operator.csrf_token()  # once: there are many cases
    wrong = []
    for field, value in REFUSED:
        form = {**filled(**{field: value}), "csrf_token": token}
        answer = operator.client.post(f"/instances/new?pool={pool.id}", data=form)
        is_refused = answer.status_code == 422 and "invalid-feedback" in answer.text
        if not is_refused or SCRIPT in answer.text:
            wrong.append((field, value[:50], answer.status_code))
    assert wrong == []
    assert instances(portal) == []


@pytest.mark.parametrize("host", ["192.0.2.10", "2001:db8::1", "sql_01", "a.b-c.example", "10.example.com"])
def test_names_and_addresses_of_either_kind_are_taken(
    portal: Portal, operator: Client, pool: Pool, host: str
) -> None:
    assert operator.post(f"/instances/new?pool={pool.id}", filled(host=host)).status_code == 302
    assert [one.host for one in instances(portal)] == [host]


def test_a_named_instance_needs_the_port_that_customers_use(
    portal: Portal, operator: Client, pool: Pool
) -> None:
    path = f"/instances/new?pool={pool.id}"
    refused = operator.post(path, filled(port="", instance_name="BETA"))
    assert refused.status_code == 422
    assert "Customers cannot connect without a port" in refused.text
    assert operator.post(path, filled(port="", instance_name="BETA", customer_port=50001)).status_code == 302
    (instance,) = instances(portal)
    assert (instance.port, instance.instance_name, instance.customer_port) == (None, "BETA", 50001)


@pytest.mark.parametrize(
    ("there", "typed"),
    [
        ({"host": "sql01.example.com", "port": 1433}, {"host": "SQL01.EXAMPLE.COM", "port": 1433}),
        (
            {"host": "h", "port": None, "instance_name": "Beta"},
            {"host": "h", "port": "", "instance_name": "BETA", "customer_port": 5},
        ),
    ],
)
def test_an_address_is_added_once(
    portal: Portal, operator: Client, pool: Pool, there: dict[str, Any], typed: dict[str, Any]
) -> None:
    portal.create_instance(pool, name="first", **there)
    answer = operator.post(f"/instances/new?pool={pool.id}", filled(name="second", **typed))
    assert answer.status_code == 422
    assert "This is the address of first already" in answer.text
    other = {**typed, "port": 1434, "instance_name": ""}
    assert operator.post(f"/instances/new?pool={pool.id}", filled(name="second", **other)).status_code == 302


@pytest.mark.parametrize("name", ["sql01", "production"])
def test_a_name_that_is_taken_is_refused(portal: Portal, operator: Client, pool: Pool, name: str) -> None:
    portal.create_instance(pool, name="sql01")
    answer = operator.post(f"/instances/new?pool={pool.id}", filled(name=name))
    assert answer.status_code == 422
    assert f"called {name} already" in answer.text


def test_another_address_forgets_what_the_old_one_said(
    portal: Portal, operator: Client, pool: Pool, looks: Looks
) -> None:
    instance = portal.create_instance(pool, name="sql01", host="sql01.example.com")
    looks.observe(looks.create_job("check_account", instance_id=instance.id), checked("sql01"))
    same = filled(customer_host="127.0.0.1", customer_port=1433, trust_server_certificate="y")
    assert operator.post(f"/instances/{instance.id}/edit", same).status_code == 302
    assert instances(portal)[0].account_check is not None
    assert operator.post(f"/instances/{instance.id}/edit", {**same, "host": "sql02"}).status_code == 302
    (now,) = instances(portal)
    assert (now.host, now.reachability, now.account_check) == ("sql02", Reachability.UNKNOWN, None)


def test_the_page_shows_what_discovery_found(
    portal: Portal, operator: Client, pool: Pool, looks: Looks
) -> None:
    instance = portal.create_instance(pool, name="sql01")
    book(portal, pool, instance_id=instance.id, state=ApplicationState.DEPLOYED)
    unknown = [
        {
            "what": "cpu",
            "reason": "the login has no right to see it",
            "missing_right": "VIEW SERVER STATE",
        }
    ]
    found = facts()
    found["databases"].append({"name": SCRIPT, "is_system": True, "state": "online", "files": None})
    looks.discover(instance, discovered("sql01", found, unknown=unknown))
    page = operator.get(f"/instances/{instance.id}").text
    for text in (
        "16.0.4135.4", "Developer Edition (64-bit)", "CU14", "80.0 GiB free of 100.0 GiB",
        "new databases go here",
        "16.0 GiB, 8.0 GiB free", "shop_orders", "64 MiB of 10.0 GiB", "/var/opt/mssql/data/shop_orders.mdf",
        "the login has no right to see it", "GRANT VIEW SERVER STATE TO [platform];", "not enabled",
        "Latin1_General_100_CI_AS_SC_UTF8", "11.9 GiB are promised", "First look that is kept.",
    ):  # fmt: skip
        assert text in page, text
    assert SCRIPT not in page
    with portal.database.reading() as session:
        application = session.scalars(select(Application)).one()
    assert f'<a href="/applications/{application.id}">shop</a>' in page
    searched = operator.get(f"/instances/{instance.id}?collation=utf8").text
    listed = searched.split('class="collations', 1)[1].split("</ul>")[0]
    assert "SC_UTF8" in listed
    assert "SQL_Latin1" not in listed


def test_the_page_of_an_instance_of_which_nothing_could_be_seen_says_so(
    portal: Portal, operator: Client, pool: Pool, looks: Looks
) -> None:
    instance = portal.create_instance(pool, name="sql01")
    nothing = dict.fromkeys(facts())
    looks.discover(instance, discovered("sql01", nothing))
    page = operator.get(f"/instances/{instance.id}")
    assert page.status_code == 200
    assert "may not see the databases" in page.text
    assert "Could not be seen." in page.text


def test_the_page_of_a_silent_instance_says_why_and_what_was_known(
    portal: Portal, operator: Client, pool: Pool, looks: Looks
) -> None:
    instance = portal.create_instance(pool, name="sql01")
    looks.discover(instance, discovered("sql01", facts()))
    looks.discover(instance, unanswered("sql01", f"nothing listens {SCRIPT}"))
    page = operator.get(f"/instances/{instance.id}").text
    assert "The last attempt to reach it failed." in page
    assert "nothing listens &lt;script&gt;" in page
    assert SCRIPT not in page
    assert "shop_orders" in page


def test_logins_that_wrong_passwords_locked_out_are_named(
    portal: Portal, operator: Client, pool: Pool, looks: Looks
) -> None:
    instance = portal.create_instance(pool, name="sql01")
    logins = [
        {"name": name, "is_disabled": False, "is_locked": is_locked, "server_roles": []}
        for name, is_locked in (("shop_app", False), (f"wiki_app{SCRIPT}", False), ("unseen_app", None))
    ]
    looks.discover(instance, discovered("sql01", facts(logins=logins)))
    assert "locked out" not in operator.get(f"/instances/{instance.id}").text
    logins[1]["is_locked"] = True
    looks.discover(instance, discovered("sql01", facts(logins=logins)))
    page = operator.get(f"/instances/{instance.id}").text
    named = page.partition("locked out by wrong passwords:")[2].partition("</dd>")[0]
    assert "<code>wiki_app&lt;script&gt;" in named
    assert "shop_app" not in named
    assert "unseen_app" not in named
    assert "is locked: no → yes" in page


def test_the_history_names_what_changed(portal: Portal, operator: Client, pool: Pool, looks: Looks) -> None:
    instance = portal.create_instance(pool, name="sql01")
    looks.discover(instance, discovered("sql01", facts()))
    after = facts(memory={"total_mib": 32 * GIB, "available_mib": 1})
    after["databases"][1]["data_max_size_mib"] = 20 * GIB
    looks.discover(instance, discovered("sql01", after))
    page = operator.get(f"/instances/{instance.id}").text
    assert "total: 16.0 GiB → 32.0 GiB" in page
    assert "data max size: 10.0 GiB → 20.0 GiB" in page
    with portal.database.reading() as session:
        newest = session.scalars(select(Discovery).order_by(Discovery.id.desc())).first()
    assert newest is not None
    detail = operator.get(f"/instances/{instance.id}/discoveries/{newest.id}").text
    assert "10.0 GiB → 20.0 GiB" in detail
    other = portal.create_instance(pool)
    assert operator.get(f"/instances/{other.id}/discoveries/{newest.id}").status_code == 404


def test_the_account_check_shows_exactly_what_is_missing_and_what_mends_it(
    portal: Portal, operator: Client, pool: Pool, looks: Looks
) -> None:
    instance = portal.create_instance(pool, name="sql01")
    page = operator.get(f"/instances/{instance.id}").text
    assert "was not checked since" in page
    missing = [
        {"right": "ALTER ANY LOGIN", "why": "creates the logins of applications",
         "remedy": "GRANT ALTER ANY LOGIN TO [platform];"}
    ]  # fmt: skip
    event = checked("sql01", ok=False, missing=missing, obstacles=[f"An obstacle {SCRIPT}."])
    looks.observe(looks.create_job("check_account", instance_id=instance.id), event)
    page = operator.get(f"/instances/{instance.id}").text
    assert "The account cannot do its work" in page
    assert "creates the logins of applications" in page
    assert "GRANT ALTER ANY LOGIN TO [platform];" in page
    assert "certificate not verified" in page
    assert "An obstacle &lt;script&gt;" in page


@pytest.mark.parametrize(("path", "template"), [("discover", "discover"), ("check-account", "check_account")])
def test_an_instance_is_looked_at_by_a_job(
    portal: Portal, operator: Client, pool: Pool, path: str, template: str
) -> None:
    instance = portal.create_instance(pool, name="sql01", is_open=False)
    answer = operator.post(f"/instances/{instance.id}/{path}")
    with portal.database.reading() as session:
        job = session.scalars(select(Job)).one()
    assert answer.headers["Location"] == f"/jobs/{job.id}"
    assert (job.template, job.subject("instance")) == (template, instance.id)
    assert job.title in operator.get(f"/instances/{instance.id}").text


def test_an_instance_with_applications_is_not_removed_and_it_is_said_which(
    portal: Portal, operator: Client, pool: Pool
) -> None:
    instance = portal.create_instance(pool, name="sql01")
    book(portal, pool, instance_id=instance.id)
    book(portal, pool, instance_id=instance.id, name="blog", state=ApplicationState.DEPLOYED)
    answer = operator.post(f"/instances/{instance.id}/delete")
    assert answer.status_code == 409
    assert "blog, shop" in answer.text
    page = operator.get(f"/instances/{instance.id}").text
    assert "Not possible while applications are on it" in page
    assert f"/instances/{instance.id}/delete" not in page
    assert len(instances(portal)) == 1


def test_an_instance_with_the_data_of_a_deleted_application_is_not_removed(
    portal: Portal, operator: Client, pool: Pool
) -> None:
    instance = portal.create_instance(pool, name="sql01")
    book(portal, pool, instance_id=instance.id, state=ApplicationState.DELETED)  # not purged yet
    answer = operator.post(f"/instances/{instance.id}/delete")
    assert answer.status_code == 409
    assert "shop is on it. Delete and purge them first." in answer.text


def test_customers_are_sent_to_the_new_address_unless_they_have_one_of_their_own(
    portal: Portal, operator: Client, pool: Pool
) -> None:
    operator.post(f"/instances/new?pool={pool.id}", filled(host="old.example.com"))
    (instance,) = instances(portal)
    path = f"/instances/{instance.id}/edit"
    form = form_of(operator.get(path).text)
    assert (form["customer_host"], form["customer_port"]) == ("", "")
    shown = {"customer_host": form["customer_host"], "customer_port": form["customer_port"]}
    moved = filled(host="new.example.com", port=14330, **shown)
    assert operator.post(path, moved).status_code == 302
    (now,) = instances(portal)
    assert (now.customer_host, now.customer_port) == ("new.example.com", 14330)
    own = {**moved, "customer_host": "db.example.com", "customer_port": "1433"}
    operator.post(path, own)
    form = form_of(operator.get(path).text)
    assert (form["customer_host"], form["customer_port"]) == ("db.example.com", "1433")


def test_an_instance_is_forgotten_with_its_discoveries_and_its_history_stays(
    portal: Portal, operator: Client, pool: Pool, looks: Looks
) -> None:
    instance = portal.create_instance(pool, name="sql01")
    looks.discover(instance, discovered("sql01", facts()))
    purged = {"name_key": "shop-purged", "state": ApplicationState.DELETED}
    book(portal, pool, instance_id=instance.id, **purged)
    answer = operator.post(f"/instances/{instance.id}/delete")
    assert answer.headers["Location"] == f"/pools/{pool.id}"
    assert instances(portal) == []
    with portal.database.reading() as session:
        assert session.scalars(select(Discovery)).all() == []
        assert session.scalars(select(Application)).one().instance_id is None
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "instance:deleted")).one()


def test_an_instance_that_a_job_is_about_is_not_removed(portal: Portal, operator: Client, pool: Pool) -> None:
    instance = portal.create_instance(pool, name="sql01")
    operator.post(f"/instances/{instance.id}/discover")
    answer = operator.post(f"/instances/{instance.id}/delete")
    assert answer.status_code == 409
    assert "has not ended" in answer.text


def test_the_list_is_filtered_and_paged(portal: Portal, operator: Client, pool: Pool) -> None:
    for number in range(52):
        portal.create_instance(pool, name=f"sql{number:02d}x", host=f"h{number}.example.com")
    lonely = portal.create_instance(name="lonely", reachability=Reachability.UNREACHABLE)
    first = operator.get("/instances").text
    assert first.count("<tr>") == 51  # with the head
    assert "Older" in first
    assert "sql07x" in operator.get("/instances?q=H7.EXAMPLE").text
    assert "lonely" not in operator.get(f"/instances?pool={pool.id}").text
    assert lonely.id in operator.get("/instances?state=unreachable").text
    assert "No instance fits" in operator.get("/instances", query_string={"q": "%"}).text
    for payload in (SCRIPT, SQL, HUGE[:3000], UNICODE):
        query = dict.fromkeys(("q", "pool", "state", "after"), payload)
        answer = operator.get("/instances", query_string=query)
        assert answer.status_code == 200
        assert SCRIPT not in answer.text
    assert operator.get("/instances", query_string={"q": NUL}).status_code == 404


def test_viewers_read_and_customers_see_nothing(portal: Portal, pool: Pool, looks: Looks) -> None:
    instance = portal.create_instance(pool, name="sql01")
    looks.discover(instance, discovered("sql01", facts()))
    viewer = portal.client(portal.create_user(PortalRole.VIEWER))
    customer = portal.client(portal.create_user())
    for path in ("/instances", f"/instances/{instance.id}"):
        page = viewer.get(path)
        assert page.status_code == 200
        assert 'method="post"' not in page.text.split("<main")[1].split("</main>")[0]
        assert customer.get(path).status_code == 403
    for path in ("discover", "check-account", "delete", "edit"):
        assert viewer.post(f"/instances/{instance.id}/{path}").status_code == 403
        assert customer.post(f"/instances/{instance.id}/{path}").status_code == 403
    assert len(instances(portal)) == 1


def test_the_list_is_in_the_order_of_names_and_goes_on_where_a_page_ended(
    portal: Portal, operator: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sql03", "sql01", "sql04", "sql02"):
        portal.create_instance(pool, name=name)
    monkeypatch.setattr("webapp.web.session.page_by_name.__kwdefaults__", {"after": None, "size": 3})
    first = operator.get("/instances").text
    assert re.findall(r">(sql\d\d)</a>", first) == ["sql01", "sql02", "sql03"]
    further = re.search(r'href="(/instances\?after=[^"]+)"', first)
    assert further
    assert re.findall(r">(sql\d\d)</a>", operator.get(further.group(1)).text) == ["sql04"]
    assert operator.get("/instances?after=%27%22").status_code == 200
