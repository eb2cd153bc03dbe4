"""Requests: the list, one request with its history, and what can be done about it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, selectinload

from webapp.applications.models import ApplicationDatabase, ApplicationState
from webapp.bookings import operations
from webapp.bookings.kinds.registry import kind_of, request_kinds
from webapp.bookings.models import ENDED_STATES, Booking, BookingState
from webapp.bookings.parameters import floor_gib, largest_size_mib, offered_pools
from webapp.bookings.plans import Plan, PlanState
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import (
    acting_user,
    get_booking,
    may_change,
    visible_bookings,
    with_application,
)
from webapp.bookings.wording import RIGHTS, event_in_words, facts_of, next_step, staff_failure
from webapp.errors import Conflict, InvalidInput
from webapp.jobs.models import Job
from webapp.pages.bookings.collations import in_words
from webapp.pages.bookings.filters import booking_filter
from webapp.pages.bookings.states import shown_states
from webapp.pages.bookings.typed import REQUEST_FORMS
from webapp.pools.collations import default_collation
from webapp.pools.listing import collations_of
from webapp.statements.stored import changes_sent
from webapp.web import session as web
from webapp.web.access import ANYONE, BOOKERS, OPERATORS, actor, may

bookings = Blueprint("bookings", __name__, url_prefix="/bookings")

LOOK_AGAIN_S = 2  # whoever watches a request that is on its way
LOOK_AGAIN_FAILED_S = 10  # one that failed: somebody may go on with it


@bookings.get("")
@may(ANYONE)
def index() -> ResponseReturnValue:
    """Requests, the newest first: one's own, or all for the staff. The address holds the filter."""
    session = web.session()
    user = acting_user(session, actor())
    wanted = booking_filter(request.args)
    query = wanted.applied(visible_bookings(user))
    query = query.options(selectinload(Booking.requester), *with_application())
    page = web.page_by_id(query, Booking.id, after=request.args.get("after"))
    return render_template(
        "bookings/index.html",
        page=page,
        state=wanted.state,
        kind=wanted.kind,
        text=wanted.q,
        states=list(BookingState),
        kinds={kind.name: kind.label for kind in request_kinds().values()},
        title_for=title_for,
        kind_of=kind_of,
        shown=shown_states(session, page.rows),
    )


@bookings.get("/<booking_id>")
@may(ANYONE)
def show(booking_id: str) -> ResponseReturnValue:
    """One request: what was asked, where it stands, and everything that happened."""
    return render_template("bookings/show.html", **_facts(booking_id))


@bookings.get("/<booking_id>/live")
@may(ANYONE)
def live(booking_id: str) -> ResponseReturnValue:
    """The part of the page that changes by itself."""
    facts = _facts(booking_id)
    answer = {"html": render_template("bookings/live.html", **facts)}
    answer |= {name: facts[name] for name in ("version", "is_over", "look_again_s")}
    return answer, 200, {"Cache-Control": "no-store"}


def _facts(booking_id: str) -> dict[str, Any]:
    session = web.session()
    user = acting_user(session, actor())
    booking = get_booking(session, user, booking_id)
    sent_back = operations.is_sent_back(booking)
    turns = [event for event in booking.events if event.event in ("planned", "changed", "planned_again")]
    has_plan = bool(turns) and turns[-1].event == "planned"
    expired = _expired_plan(session, booking)
    job = session.get(Job, booking.job_id) if booking.job_id else None
    return {
        "booking": booking,
        "title": title_for(booking),
        "facts": facts_of(booking),
        "event_in_words": event_in_words,
        "is_sent_back": sent_back,
        "shown_state": shown_states(session, [booking])[booking.id],
        "expired_plan": expired,
        "may_ask_again": may_change(user, booking),
        "next_step": next_step(
            booking, is_sent_back=sent_back, has_plan=has_plan, is_operator=user.is_operator
        ),
        "may_cancel": operations.may_cancel(user, booking),
        "reserves_names": kind_of(booking).reserves_names,
        "may_change": operations.can_be_changed(booking) and may_change(user, booking),
        "may_plan": user.is_operator and booking.state in (BookingState.FAILED, BookingState.PENDING),
        "is_over": booking.state in ENDED_STATES,
        "look_again_s": _look_again_s(booking),
        "version": f"{booking.state.value} {len(booking.events)}",
        "job": job,
        "staff_failure": _staff_failure(session, booking, job) if user.is_staff else None,
        "kind_words": kind_of(booking).label,
    }


def _staff_failure(session: Session, booking: Booking, job: Job | None) -> str:
    plan = session.get(Plan, booking.plan_id) if booking.plan_id else None
    return staff_failure(
        booking,
        planning=plan.failure if plan else None,
        applying=job.job_explanation if job else None,
        sent=changes_sent(session, job.id) if job else 0,
    )


def _look_again_s(booking: Booking) -> int:
    """When whoever watches asks again; 0 when nothing will change. A request that failed may yet go on."""
    if booking.state is BookingState.FAILED:
        return LOOK_AGAIN_FAILED_S
    return 0 if booking.state in ENDED_STATES else LOOK_AGAIN_S


def _expired_plan(session: Session, booking: Booking) -> Plan | None:
    """The plan that nobody approved in time, while the request still waits for one."""
    plan = session.get(Plan, booking.plan_id) if booking.plan_id else None
    if booking.state is not BookingState.PENDING or plan is None or plan.state is not PlanState.EXPIRED:
        return None
    return plan


@bookings.post("/<booking_id>/cancel")
@may(BOOKERS)
def cancel(booking_id: str) -> ResponseReturnValue:
    """Take the request back."""
    session = web.session()
    operations.cancel(session, actor(), booking_id)
    session.commit()
    flash("The request is canceled. Nothing was set up.", "success")
    return redirect(url_for("bookings.show", booking_id=booking_id))


@bookings.post("/<booking_id>/plan")
@may(OPERATORS)
def plan_again(booking_id: str) -> ResponseReturnValue:
    """Have it planned once more."""
    session = web.session()
    operations.plan_again(session, actor(), booking_id)
    session.commit()
    flash("The request is planned again.", "success")
    return redirect(url_for("bookings.show", booking_id=booking_id))


@bookings.get("/<booking_id>/change")
@may(BOOKERS)
def change_form(booking_id: str) -> ResponseReturnValue:
    """The form to change a request that was sent back."""
    session = web.session()
    booking = get_booking(session, acting_user(session, actor()), booking_id)
    if not operations.can_be_changed(booking):
        raise Conflict("Nobody has sent this request back, so it cannot be changed.")
    kind = kind_of(booking)
    typed = {**REQUEST_FORMS[kind.form].shown(kind.wish_before(booking)), "reason": booking.reason or ""}
    return _change_page(booking, typed, {})


@bookings.post("/<booking_id>/change")
@may(BOOKERS)
def change(booking_id: str) -> ResponseReturnValue:
    """Change the request and send it again."""
    session = web.session()
    form = REQUEST_FORMS[kind_of(operations.changeable(session, actor(), booking_id)).form]
    try:
        operations.change(
            session, actor(), booking_id, form.read(request.form), reason=request.form.get("reason")
        )
    except InvalidInput as error:
        session.rollback()
        booking = get_booking(session, acting_user(session, actor()), booking_id)
        typed = {**request.form.to_dict(), "chosen": request.form.getlist("databases")}
        return _change_page(booking, typed, {error.field: error}), 422
    session.commit()
    flash("Changed and sent again. It is being planned.", "success")
    return redirect(url_for("bookings.show", booking_id=booking_id))


def _largest_gib(session: Session, booking: Booking) -> str | None:
    """How large the database that ``booking`` is about may be; None where it asks for no space."""
    if not kind_of(booking).asks_for_space:
        return None
    database = session.get_one(ApplicationDatabase, booking.parameters["database_id"])
    application, is_there = database.application, database.state is ApplicationState.DEPLOYED
    return floor_gib(
        largest_size_mib(
            session,
            application.pool,
            application=application if application.state is ApplicationState.DEPLOYED else None,
            before=database if is_there else None,
            besides=() if is_there else (database.id,),
        )
    )


def _change_page(booking: Booking, typed: dict[str, Any], errors: dict[str, InvalidInput]) -> str:
    session = web.session()
    pool = kind_of(booking).pool(booking)
    known = collations_of(session, pool) if pool else []
    words = [event.text for event in booking.events if event.event == "sent_back"]
    return render_template(
        "bookings/change.html",
        booking=booking, title=title_for(booking), form=kind_of(booking).form, typed=typed, errors=errors,
        pools=offered_pools(session), collations=known,
        default=default_collation(session, pool) if pool else None, in_words=in_words, rights=RIGHTS,
        largest_gib=_largest_gib(session, booking), sent_back=words[-1] if words else None,
    )  # fmt: skip
