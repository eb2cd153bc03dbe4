"""A pool whose instances were set up with different collations: which one a database gets is no lottery."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from tests.support.hosting import COLLATIONS, Hosting
from tests.support.portal import Client
from tests.webapp.pools.found import facts
from webapp.bookings.models import Booking
from webapp.bookings.variables import variables_for
from webapp.pools.collations import usual_of
from webapp.pools.facts import summary_of
from webapp.pools.models import Discovery, Reachability

CI, CS = "SQL_Latin1_General_CP1_CI_AS", "Latin1_General_CS_AS"


def set_up_with(hosting: Hosting, **collations: str) -> None:
    """The pool's instances, made where they are not there, and what discovery saw; no default of the pool."""
    hosting.portal.change(hosting.pool, default_collation=None)
    for name, collation in collations.items():
        instance = hosting.instance
        if name != instance.name:
            instance = hosting.portal.create_instance(
                hosting.pool, name=name, reachability=Reachability.REACHABLE
            )
        seen = facts(
            databases=[],
            version={"collation": collation},
            collations={"count": 3, "names": [CI, CS, COLLATIONS[0]]},
        )
        with hosting.portal.database.transaction() as session:
            session.execute(delete(Discovery).where(Discovery.instance_id == instance.id))
            session.add(Discovery(instance_id=instance.id, summary=summary_of(seen).as_json(), facts=seen))


@pytest.mark.parametrize(
    ("own", "usual"),
    [
        ([], None),
        ([CS], CS),
        ([CS, CS, CI], CI),
        (["Latin1_General_BIN2", CS, CS], CS),
        (["Finnish_Swedish_100_CI_AS", CI, CI], CI),
    ],
)
def test_one_for_all_ignores_case_where_one_does_and_is_the_most_frequent(
    own: list[str], usual: str | None
) -> None:
    assert usual_of(own) == usual


def test_on_a_mixed_pool_the_default_is_named_and_always_sent(hosting: Hosting, operator: Client) -> None:
    set_up_with(hosting, sql01=CS, sql02=CI)
    customer = hosting.customer()
    client = hosting.client(customer)
    booking_id = hosting.book(customer, collation="")
    with hosting.portal.database.reading() as session:
        booking = session.get_one(Booking, booking_id)
        (database,) = variables_for(booking)["application_databases"]
    assert database["collation"] == CI
    assert CI in client.get(f"/bookings/{booking_id}").text
    hosting.deploy(booking_id)
    application = hosting.application_of(booking_id)
    assert f"{CI}: " in client.get(f"/applications/{application.id}/databases").text
    pool_page = " ".join(operator.get(f"/pools/{hosting.pool.id}").text.split())
    assert f"sql01 <code>{CS}</code>, sql02 <code>{CI}</code>" in pool_page


def test_the_wizard_names_what_the_default_is(hosting: Hosting) -> None:
    set_up_with(hosting, sql01=CS, sql02=CI)
    customer = hosting.customer()
    hosting.try_to_book(customer, size_gib="")
    page = " ".join(hosting.client(customer).get("/book/collation").text.split())
    assert f"<strong>{CI}</strong>" in page
    assert "the instances of this pool have different ones" in page
    page = hosting.client(customer).get("/book/database")
    hosting.client(customer).post("/book/database", {"database": "orders", "size_gib": "1"})
    assert f"<code>{CI}</code>" in hosting.client(customer).get("/book/summary").text


def test_without_a_look_the_instances_own_is_named_when_planning_saw_it(hosting: Hosting) -> None:
    hosting.portal.change(hosting.pool, default_collation=None)
    customer = hosting.customer()
    booking_id = hosting.book(customer, collation="")
    assert "the instance&#39;s own" in hosting.client(customer).get(f"/bookings/{booking_id}").text
