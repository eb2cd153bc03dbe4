"""Nobody approves what they asked for themselves, also when they changed a customer's request to it."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from tests.webapp.approvals.conftest import Story
from webapp.bookings.models import Booking, BookingEvent
from webapp.bookings.operations import change
from webapp.bookings.plans import Plan
from webapp.errors import Conflict, NotAllowed
from webapp.jobs.templates import Launch


def changed_by_operator(story: Story) -> Plan:
    """The operator sends a customer's request back, asks for more in its place, and it is planned."""
    plan = story.planned()
    story.decide(plan, story.operator, "send_back", "Ask for more.")
    with story.portal.database.transaction() as session:
        wish = story.wish(size_gib=90)
        booking = change(session, story.actor(story.operator), plan.booking_id, wish, reason=None)
    return story.run_planning(booking)


def test_who_changed_a_request_does_not_approve_it(story: Story) -> None:
    plan = changed_by_operator(story)
    assert plan.booking.requester_id == story.customer.id
    with pytest.raises(NotAllowed, match="Four-eyes"):
        story.decide(plan, story.operator)
    page = story.client(story.operator).get(f"/approvals/{plan.id}")
    assert "Four-eyes principle" in page.text
    story.decide(plan, story.admin)
    assert isinstance(story.engine.claim(str(story.booking(plan.booking_id).job_id)), Launch)


def test_it_is_noticed_when_who_changed_a_request_is_hidden(story: Story) -> None:
    plan = changed_by_operator(story)
    with story.portal.database.transaction() as session:  # somebody who writes to the database
        session.execute(delete(BookingEvent).where(BookingEvent.event == "changed"))
        session.execute(update(Booking).values(changed_by=None))
    for user in (story.operator, story.admin):
        with pytest.raises(Conflict, match="was changed in the platform database"):
            story.decide(plan, user)
    assert story.booking(plan.booking_id).job_id is None
