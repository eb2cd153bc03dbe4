"""Pages of policies: /policies. Admins write them, all staff reads them."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from webapp.errors import Conflict, InvalidInput
from webapp.pages.policies.forms import PolicyForm
from webapp.policies.listing import all_policies, get_policy, warning_about
from webapp.policies.models import Policy
from webapp.policies.operations import (
    change_policy,
    create_policy,
    delete_policy,
    move_policy,
    switch_policy,
)
from webapp.policies.terms import BUILT_IN, terms_of
from webapp.policies.words import what_fits, what_happens
from webapp.pools.models import Pool
from webapp.web import session as web
from webapp.web.access import ADMINS, STAFF, actor, may

policies = Blueprint("policies", __name__, url_prefix="/policies")


@policies.get("")
@may(STAFF)
def index() -> ResponseReturnValue:
    """All policies as sentences, in their order."""
    session = web.session()
    pools = {pool.id: pool.name for pool in session.scalars(select(Pool))}
    rows = [
        {
            "policy": policy,
            "sentence": _sentence(policy, pools),
            "warning": warning_about(session, policy) if policy.is_enabled else None,
        }
        for policy in all_policies(session)
    ]
    return render_template("policies/index.html", rows=rows, built_in=what_happens(BUILT_IN))


@policies.route("/new", methods=["GET", "POST"])
@may(ADMINS)
def new() -> ResponseReturnValue:
    """Write a policy."""
    return _edit(None)


@policies.route("/<policy_id>", methods=["GET", "POST"])
@may(ADMINS)
def edit(policy_id: str) -> ResponseReturnValue:
    """Change a policy."""
    return _edit(get_policy(web.session(), policy_id))


@policies.post("/<policy_id>/enable")
@may(ADMINS)
def enable(policy_id: str) -> ResponseReturnValue:
    """Let it count."""
    return _changed(lambda session: switch_policy(session, actor(), policy_id, is_enabled=True))


@policies.post("/<policy_id>/disable")
@may(ADMINS)
def disable(policy_id: str) -> ResponseReturnValue:
    """Let it not count."""
    return _changed(lambda session: switch_policy(session, actor(), policy_id, is_enabled=False))


@policies.post("/<policy_id>/earlier")
@may(ADMINS)
def earlier(policy_id: str) -> ResponseReturnValue:
    """Ask it before the one above."""
    return _changed(lambda session: move_policy(session, actor(), policy_id, steps=-1))


@policies.post("/<policy_id>/later")
@may(ADMINS)
def later(policy_id: str) -> ResponseReturnValue:
    """Ask it after the one below."""
    return _changed(lambda session: move_policy(session, actor(), policy_id, steps=1))


@policies.post("/<policy_id>/delete")
@may(ADMINS)
def delete(policy_id: str) -> ResponseReturnValue:
    """Remove it."""
    return _changed(lambda session: delete_policy(session, actor(), policy_id))


def _sentence(policy: Policy, pools: dict[str, str]) -> str:
    fits = what_fits(
        kinds=policy.kinds,
        pool=pools.get(policy.pool_id, "that is not there any more") if policy.pool_id else None,
        only_trusted=policy.only_trusted,
        below_gib=policy.below_gib,
    )
    return f"{fits} {what_happens(terms_of(policy))}."


def _edit(policy: Policy | None) -> ResponseReturnValue:
    session = web.session()
    form = PolicyForm(obj=policy)
    form.offer(list(session.scalars(select(Pool).order_by(Pool.name))))
    if policy is not None and not form.is_submitted():
        form.fill(policy)
    elif policy is None and not form.is_submitted():
        form.approver_roles.data = list(BUILT_IN.approver_roles)
    status = 200
    if form.validate_on_submit():
        try:
            saved = (
                create_policy(session, actor(), form.values())
                if policy is None
                else change_policy(session, actor(), policy.id, form.values())
            )
            warning = warning_about(session, saved) if saved.is_enabled else None
            session.commit()
        except InvalidInput as error:
            session.rollback()
            if not form.refuse(error):
                flash(str(error), "danger")
            status = error.status
        else:
            flash(f"The policy {saved.name} is saved. It counts for new plans.", "success")
            if warning:
                flash(warning, "warning")
            return redirect(url_for("policies.index"))
    elif form.is_submitted():
        status = 422
    return render_template("policies/edit.html", form=form, policy=policy), status


def _changed(change: object) -> ResponseReturnValue:
    session = web.session()
    try:
        change(session)  # type: ignore[operator]
        session.commit()
    except Conflict as error:
        session.rollback()
        flash(str(error), "danger")
    return redirect(url_for("policies.index"))
