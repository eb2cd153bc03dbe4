"""Pages of pools: /pools."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from webapp.bookings.capacity import pool_capacity
from webapp.errors import PlatformError
from webapp.pages.pools import lists
from webapp.pages.pools.forms import PoolForm
from webapp.pages.pools.refusals import limit_guesses, refused
from webapp.pools import operations
from webapp.pools.collations import default_collation, own_collations
from webapp.pools.listing import collations_of, get_pool
from webapp.pools.models import Pool
from webapp.web import session as web
from webapp.web.access import OPERATORS, STAFF, actor, may

pools = Blueprint("pools", __name__, url_prefix="/pools")

COLLATIONS_OFFERED = 50  # while somebody types


@pools.get("")
@may(STAFF)
def index() -> ResponseReturnValue:
    """All pools with their instances."""
    session = web.session()
    query = select(Pool).options(selectinload(Pool.instances), selectinload(Pool.elevated_account))
    rows = list(session.scalars(query.order_by(Pool.name)))
    cards = {pool.id: lists.cards(session, pool.instances) for pool in rows}
    return render_template("pools/index.html", pools=rows, cards=cards)


@pools.route("/new", methods=["GET", "POST"])
@may(OPERATORS)
def new() -> ResponseReturnValue:
    """Create a pool."""
    session = web.session()
    form = PoolForm()
    accounts = lists.all_accounts(session)
    form.offer(accounts)
    status = 200
    if form.validate_on_submit():
        try:
            pool = operations.create_pool(session, actor(), form.values())
            session.commit()
        except PlatformError as error:
            status = refused(form, error)
        else:
            flash(f"The pool {pool.name} is there. Add its instances now.", "success")
            return redirect(url_for("pools.show", pool_id=pool.id))
    elif form.is_submitted():
        status = 422
    return render_template("pools/edit.html", form=form, pool=None, accounts=accounts), status


@pools.get("/<pool_id>")
@may(STAFF)
def show(pool_id: str) -> ResponseReturnValue:
    """One pool."""
    session = web.session()
    pool = get_pool(session, pool_id)
    cards = lists.cards(session, pool.instances)
    return render_template(
        "pools/show.html",
        pool=pool,
        cards=cards,
        capacity=pool_capacity(session, pool),
        own_collations=own_collations(session, pool),
        default=default_collation(session, pool),
    )


@pools.route("/<pool_id>/edit", methods=["GET", "POST"])
@may(OPERATORS)
@limit_guesses
def edit(pool_id: str) -> ResponseReturnValue:
    """Change a pool."""
    session = web.session()
    pool = get_pool(session, pool_id)
    form = PoolForm(obj=pool)
    accounts = lists.all_accounts(session)
    form.offer(accounts)
    status = 200
    if form.validate_on_submit():
        try:
            operations.change_pool(session, actor(), pool, form.values(), by_admin=current_user.is_admin)
            session.commit()
        except PlatformError as error:
            status = refused(form, error)
        else:
            flash(f"The pool {pool.name} is changed.", "success")
            return redirect(url_for("pools.show", pool_id=pool.id))
    elif form.is_submitted():
        status = 422
    return render_template("pools/edit.html", form=form, pool=pool, accounts=accounts), status


@pools.get("/<pool_id>/collations")
@may(STAFF)
def collations(pool_id: str) -> ResponseReturnValue:
    """The collations of the pool that fit ``?q=``, as JSON, for the form."""
    session = web.session()
    found = lists.matching(collations_of(session, get_pool(session, pool_id)), request.args.get("q", ""))
    return {"names": found[:COLLATIONS_OFFERED], "count": len(found)}


@pools.post("/<pool_id>/discover")
@may(OPERATORS)
def discover(pool_id: str) -> ResponseReturnValue:
    """Look at all instances of the pool."""
    return _look(pool_id, "discover")


@pools.post("/<pool_id>/check-account")
@may(OPERATORS)
def check_account(pool_id: str) -> ResponseReturnValue:
    """Check the elevated account on all instances of the pool."""
    return _look(pool_id, "check_account")


def _look(pool_id: str, template: str) -> ResponseReturnValue:
    session = web.session()
    job = operations.look_at_pool(session, actor(), get_pool(session, pool_id), template)
    session.commit()
    return redirect(url_for("jobs.job_page", job_id=job.id))


@pools.post("/<pool_id>/delete")
@may(OPERATORS)
def delete(pool_id: str) -> ResponseReturnValue:
    """Remove a pool without instances."""
    session = web.session()
    pool = get_pool(session, pool_id)
    operations.remove_pool(session, actor(), pool)
    session.commit()
    flash(f"The pool {pool.name} is removed.", "success")
    return redirect(url_for("pools.index"))
