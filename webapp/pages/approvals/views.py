"""Pages of approvals: /approvals."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.approvals.expiry import plan_expired_again
from webapp.approvals.operations import PlanChanged, decide
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.plans import DecisionKind, Plan, PlanState
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import acting_user
from webapp.errors import Conflict, InvalidInput, NotAllowed, NotFound
from webapp.pages.approvals.difference import in_words, is_different
from webapp.pages.approvals.filters import plan_filter
from webapp.pages.approvals.forms import DecisionForm
from webapp.pages.approvals.highlighting import names, sql_with_secrets
from webapp.pages.approvals.plan import listed_plans, plan_page, waiting_plans
from webapp.pages.approvals.script import script_of
from webapp.web import session as web
from webapp.web.access import BOOKERS, OPERATORS, STAFF, actor, may

approvals = Blueprint("approvals", __name__, url_prefix="/approvals")
approvals.add_app_template_filter(names, "names")
approvals.add_app_template_filter(sql_with_secrets, "sql_with_secrets")

_DONE = {
    PlanState.APPROVED: ("Approved. The job that carries it out is on its way.", "success"),
    PlanState.READY: ("Your approval counts. It waits for more people now.", "success"),
    PlanState.REJECTED: ("Rejected. The customer reads your reason.", "info"),
    PlanState.SENT_BACK: ("Sent back. The customer reads your reason and changes the request.", "info"),
}


@approvals.get("")
@may(STAFF)
def index() -> ResponseReturnValue:
    """What waits for the reader, what waits for others, and all plans."""
    session = web.session()
    user = acting_user(session, actor())
    wanted = plan_filter(request.args)
    after = request.args.get("after")
    page = web.page_by_id(listed_plans(wanted), Plan.id, after=after)
    mine, others = ([], []) if after or wanted.state else waiting_plans(session, user)
    return render_template(
        "approvals/index.html",
        mine=mine, others=others, page=page, state=wanted.state, states=list(PlanState), title_for=title_for,
        is_first=not after and wanted.state is None,
    )  # fmt: skip


@approvals.get("/<plan_id>")
@may(STAFF)
def show(plan_id: str) -> ResponseReturnValue:
    """One plan, to be looked at and decided about."""
    return _shown(plan_id, DecisionForm(formdata=None), 200)


@approvals.get("/<plan_id>/version")
@may(STAFF)
def version(plan_id: str) -> ResponseReturnValue:
    """Whether the page is still what it was: somebody else may have decided meanwhile."""
    session = web.session()
    page = plan_page(session, acting_user(session, actor()), plan_id)
    return {"version": page.version, "state": page.plan.state.value}, 200, {"Cache-Control": "no-store"}


@approvals.get("/<plan_id>/plan.sql")
@may(STAFF)
def download(plan_id: str) -> ResponseReturnValue:
    """The plan's statements as a script."""
    session = web.session()
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound("There is no such plan.")
    name = f"plan-{kind_of(plan.booking).subject_name(plan.booking)}-{plan.number}.sql"
    return Response(
        script_of(plan, title_for(plan.booking)),
        mimetype="text/plain",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@approvals.post("/<plan_id>/decide")
@may(OPERATORS)
def decide_plan(plan_id: str) -> ResponseReturnValue:
    """Approve, reject or send back the plan that was seen."""
    session = web.session()
    form = DecisionForm()
    if not form.validate_on_submit():
        flash("Choose one: approve, send back or reject.", "danger")
        return _shown(plan_id, form, 422)
    try:
        plan = decide(
            session, actor(), plan_id, kind=DecisionKind(form.kind.data), seen_hash=form.plan_hash.data or "",
            reason=form.reason.data or "",
        )  # fmt: skip
        session.commit()
    except InvalidInput as error:
        session.rollback()
        form.reason.errors = [*form.reason.errors, f"{error}"]
        return _shown(plan_id, form, error.status)
    except PlanChanged as error:
        session.rollback()
        flash(str(error), "warning")
        return redirect(url_for("approvals.show", plan_id=error.plan_id, _anchor="difference"))
    except (Conflict, NotAllowed) as error:
        session.rollback()
        flash(str(error), "danger")
        return _shown(plan_id, form, error.status)
    flash(*_DONE[plan.state])
    return redirect(url_for("approvals.show", plan_id=plan_id))


@approvals.post("/<plan_id>/plan-again")
@may(BOOKERS)
def plan_again(plan_id: str) -> ResponseReturnValue:
    """A new plan instead of one that expired."""
    session = web.session()
    plan = plan_expired_again(session, actor(), plan_id)
    session.commit()
    flash("It is being planned again.", "info")
    return redirect(url_for("bookings.show", booking_id=plan.booking_id))


def _shown(plan_id: str, form: DecisionForm, status: int) -> ResponseReturnValue:
    session = web.session()
    page = plan_page(session, acting_user(session, actor()), plan_id)
    answer = render_template(
        "approvals/show.html", page=page, form=form, in_words=in_words, is_different=is_different,
    )  # fmt: skip
    return answer, status
