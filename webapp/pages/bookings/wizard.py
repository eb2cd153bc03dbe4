"""The booking wizard: five steps, one draft. Going back, or away, loses nothing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import Session

from webapp.bookings.capacity import LOG_SHARE, SMALLEST_LOG_MIB, largest_data_mib, pool_capacity
from webapp.bookings.kinds.application import submit_application
from webapp.bookings.models import BookingDraft
from webapp.bookings.parameters import (
    check_application,
    check_application_name,
    floor_gib,
    offered_pools,
    price_text,
)
from webapp.bookings.submitting import booking_with_token
from webapp.errors import InvalidInput, NotFound
from webapp.pages.bookings.collations import common_of, in_words, search
from webapp.pages.bookings.drafts import (
    FIELD_STEP,
    STEP_BY_KEY,
    STEPS,
    Step,
    chosen_pool,
    digest,
    draft_of,
    finish,
    first_wrong,
    keep,
)
from webapp.pages.bookings.typed import application_wish
from webapp.pools.collations import default_collation, own_collations
from webapp.pools.listing import collations_of, open_pools
from webapp.pools.models import Pool, PoolKind
from webapp.units import MIB_PER_GIB
from webapp.web import session as web
from webapp.web.access import BOOKERS, actor, may

wizard = Blueprint("wizard", __name__, url_prefix="/book")

Errors = dict[str, InvalidInput]


@wizard.get("")
@may(BOOKERS)
def begin() -> ResponseReturnValue:
    """Go on where the draft is: at the first step that is not right yet."""
    draft = draft_of(web.session(), current_user.id)
    wrong = first_wrong(web.session(), draft.values, STEPS[-1])
    return redirect(url_for("wizard.step", key=wrong[0].key if wrong else STEPS[-1].key))


@wizard.get("/<key>")
@may(BOOKERS)
def step(key: str) -> ResponseReturnValue:
    """One step; what comes before it must be right."""
    this = _step(key)
    session = web.session()
    draft = draft_of(session, current_user.id)
    if wrong := first_wrong(session, draft.values, this):
        flash(f"First the step {wrong[0].title.lower()}: {wrong[1]}", "warning")
        return redirect(url_for("wizard.step", key=wrong[0].key))
    return _page(this, draft, {})


@wizard.post("/<key>")
@may(BOOKERS)
def save(key: str) -> ResponseReturnValue:
    """Keep what was typed; then the step before, a search, or the next step when this one is right."""
    this = _step(key)
    session = web.session()
    go = request.form.get("go", "next")
    if key == "summary" and go == "book":
        return _book(this)
    draft = keep(session, draft_of(session, current_user.id), this, request.form)
    session.commit()
    position = STEPS.index(this)
    if go == "search":
        return redirect(url_for("wizard.step", key=key, search=request.form.get("search", "")[:100]))
    if go == "back":
        go = STEPS[max(0, position - 1)].key
    if go in STEP_BY_KEY:  # also an "Edit" of the summary
        return redirect(url_for("wizard.step", key=go))
    try:
        this.check(session, draft.values)
    except InvalidInput as error:
        wrong = STEP_BY_KEY[FIELD_STEP.get(error.field, this.key)]
        if wrong is this:
            return _page(this, draft, {error.field: error}), 422
        flash(str(error), "warning")  # what an earlier step holds is not right any more
        return redirect(url_for("wizard.step", key=wrong.key))
    return redirect(url_for("wizard.step", key=STEPS[min(position + 1, len(STEPS) - 1)].key))


@wizard.post("/<key>/keep")
@may(BOOKERS)
def keep_draft(key: str) -> ResponseReturnValue:
    """Keep what is typed while the user is still typing, or leaves by the browser's back button."""
    session = web.session()
    draft = draft_of(session, current_user.id)
    # Not from a page of a booking that is made already; a draft that was never kept has no token yet.
    if draft not in session or request.form.get("token") == draft.token:
        keep(session, draft, _step(key), request.form)
        session.commit()
    return "", 204


@wizard.post("/discard")
@may(BOOKERS)
def discard() -> ResponseReturnValue:
    """Begin anew with empty fields."""
    session = web.session()
    finish(session, draft_of(session, current_user.id))
    session.commit()
    return redirect(url_for("wizard.step", key=STEPS[0].key))


@wizard.get("/availability")
@may(BOOKERS)
def availability() -> ResponseReturnValue:
    """Whether the application's name in ``?name=`` is free, as JSON."""
    name = request.args.get("name", "")
    try:
        checked = check_application_name(web.session(), name)
    except InvalidInput as error:
        return {"is_available": False, "problem": str(error)}
    return {"is_available": True, "name": checked}


@wizard.get("/collations")
@may(BOOKERS)
def collations() -> ResponseReturnValue:
    """The collations of the draft's pool that fit ``?search=``, as JSON."""
    session = web.session()
    draft = draft_of(session, current_user.id)
    try:
        pool = chosen_pool(session, draft.values)
    except InvalidInput as error:
        return {"problem": str(error), "collations": []}
    found = search(collations_of(session, pool), request.args.get("search", "")[:100])
    return {"collations": [{"name": name, "words": in_words(name)} for name in found]}


def _book(this: Step) -> ResponseReturnValue:
    """The end of the wizard. The draft is read again; what it holds now must be what the summary showed."""
    session = web.session()
    token = request.form.get("token", "")[:64]
    draft = draft_of(session, current_user.id)
    if token != draft.token:
        booking = booking_with_token(session, token) if token.isalnum() else None
        if booking is not None and booking.requester_id == current_user.id:  # a double click
            return redirect(url_for("bookings.show", booking_id=booking.id))
        flash("This draft was booked or discarded in another window. Nothing was booked now.", "warning")
        return redirect(url_for("wizard.begin"))
    draft = keep(session, draft, this, request.form)
    if request.form.get("seen") != digest(draft.values):
        session.commit()
        flash("The draft was changed in another window. Look at it again, then book.", "warning")
        return redirect(url_for("wizard.step", key="summary"))
    try:
        booking = submit_application(
            session, actor(), application_wish(draft.values), reason=draft.values.get("reason"), token=token
        )
    except InvalidInput as error:
        session.commit()  # what was typed
        wrong = STEP_BY_KEY[FIELD_STEP.get(error.field, "summary")]
        return _page(wrong, draft, {error.field: error}), 422
    finish(session, draft)
    session.commit()
    return redirect(url_for("bookings.show", booking_id=booking.id))


def _step(key: str) -> Step:
    if key not in STEP_BY_KEY:
        raise NotFound("The wizard has no such step.")
    return STEP_BY_KEY[key]


def _page(this: Step, draft: BookingDraft, errors: Errors) -> str:
    session = web.session()
    typed = draft.values
    facts: dict[str, Any] = {}
    if this.key == "kind":
        facts = _kind_facts()
    elif this.key != "name":
        pool = chosen_pool(session, typed)
        facts["pool"] = pool
        if this.key == "collation":
            facts |= _collation_facts(pool, typed.get("collation", ""))
        elif this.key == "database":
            capacity_mib = pool_capacity(session, pool).largest_mib
            facts |= {
                "capacity_mib": capacity_mib,
                "smallest_log_mib": SMALLEST_LOG_MIB,
                "log_share": LOG_SHARE,
            }
            facts["largest_log_mib"] = pool.largest_log_gib * MIB_PER_GIB
            facts["largest_gib"] = floor_gib(largest_data_mib(pool, capacity_mib))
        else:
            asked = check_application(session, application_wish(typed))
            facts |= {"asked": asked, "price": price_text(pool, asked.data_limit_mib), "seen": digest(typed)}
            facts["collation_words"] = in_words(asked.collation) if asked.collation else None
    return render_template(
        f"bookings/wizard/{this.key}.html",
        steps=STEPS,
        step=this,
        position=STEPS.index(this),
        typed=typed,
        errors=errors,
        draft=draft,
        **facts,
    )


def _kind_facts() -> dict[str, Any]:
    session = web.session()
    pools = offered_pools(session)
    has_ha = any(pool.kind is PoolKind.HA for pool in open_pools(session))
    return {
        "pools": pools,
        "largest_gib": {pool.id: _largest_gib(session, pool) for pool in pools},
        "kinds": PoolKind,
        "has_ha": has_ha,
    }


def _largest_gib(session: Session, pool: Pool) -> str | None:
    """The largest database that a booking gets there now; None where nobody has measured."""
    capacity_mib = pool_capacity(session, pool).largest_mib
    return None if capacity_mib is None else floor_gib(largest_data_mib(pool, capacity_mib))


def _collation_facts(pool: Pool, chosen: str) -> dict[str, Any]:
    known = collations_of(web.session(), pool)
    text = request.args.get("search", "")[:100]
    default = default_collation(web.session(), pool)
    common = common_of(known, default)
    found = [name for name in search(known, text) if name not in common] if text.strip() else []
    if chosen and chosen != default and chosen in known and chosen not in (*common, *found):
        found.insert(0, chosen)
    return {
        "count": len(known),
        "common": common,
        "found": found,
        "search_text": text,
        "default": default,
        "own": sorted(set(own_collations(web.session(), pool).values()), key=str.lower),
        "in_words": in_words,
    }
