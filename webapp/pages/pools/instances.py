"""Pages of instances: /instances."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from webapp.applications.on_instance import applications_on
from webapp.database import is_id
from webapp.errors import NotFound, PlatformError
from webapp.pages.pools import lists
from webapp.pages.pools.filters import instance_filter
from webapp.pages.pools.forms import InstanceForm
from webapp.pages.pools.refusals import limit_guesses, refused
from webapp.pools import operations
from webapp.pools.facts import summary_from, volume_for_data
from webapp.pools.listing import get_instance, get_pool
from webapp.pools.models import Discovery, Instance, Pool, Reachability
from webapp.web import session as web
from webapp.web.access import OPERATORS, STAFF, actor, may

instances = Blueprint("instances", __name__, url_prefix="/instances")


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:253]


@instances.get("")
@may(STAFF)
def index() -> ResponseReturnValue:
    """All instances; ``?q=`` in name or address, ``?pool=``, ``?state=``."""
    session = web.session()
    wanted = instance_filter(request.args)
    query = wanted.applied(select(Instance)).options(selectinload(Instance.pool))
    page = web.page_by_name(query, Instance.name, after=_printable(request.args.get("after", "")))
    return render_template(
        "pools/instances.html",
        page=page,
        cards=lists.cards(session, page.rows),
        pools=list(session.scalars(select(Pool).order_by(Pool.name))),
        states=list(Reachability),
        text=wanted.q,
    )


@instances.route("/new", methods=["GET", "POST"])
@may(OPERATORS)
@limit_guesses
def new() -> ResponseReturnValue:
    """Add an instance to the pool ``?pool=``."""
    session = web.session()
    pool = get_pool(session, request.args.get("pool", ""))
    form = InstanceForm()
    form.offer(lists.all_accounts(session), pool.elevated_account)
    status = 200
    if form.validate_on_submit():
        try:
            instance = operations.create_instance(
                session, actor(), pool, form.values(), by_admin=current_user.is_admin
            )
            session.commit()
        except PlatformError as error:
            status = refused(form, error)
        else:
            flash(f"The instance {instance.name} is there. Check the account, then discover it.", "success")
            return redirect(url_for("instances.show", instance_id=instance.id))
    elif form.is_submitted():
        status = 422
    return render_template("pools/edit_instance.html", form=form, pool=pool, instance=None), status


@instances.get("/<instance_id>")
@may(STAFF)
def show(instance_id: str) -> ResponseReturnValue:
    """One instance: what discovery found, the account, the jobs."""
    session = web.session()
    instance = get_instance(session, instance_id)
    found = lists.newest_facts(session, instance.id)
    facts = found.facts if found else {}
    text = request.args.get("collation", "")
    names, count = lists.collations_shown(facts, text)
    return render_template(
        "pools/instance.html",
        instance=instance,
        pool=instance.pool,
        found=found,
        facts=facts,
        summary=summary_from(found.summary if found else None),
        data_volume=volume_for_data(facts),
        databases=lists.database_rows(session, instance, facts),
        history=lists.history(session, instance.id),
        jobs=lists.jobs_of(session, instance),
        applications=applications_on(session, instance.id),
        collations=names,
        collations_count=count,
        collations_all=(facts.get("collations") or {}).get("count"),
        collation_text=text,
    )


@instances.get("/<instance_id>/discoveries/<discovery_id>")
@may(STAFF)
def discovery(instance_id: str, discovery_id: str) -> ResponseReturnValue:
    """What one discovery found that the one before did not."""
    session = web.session()
    instance = get_instance(session, instance_id)
    found = session.get(Discovery, discovery_id) if is_id(discovery_id) else None
    if found is None or found.instance_id != instance.id:
        raise NotFound("This discovery is not kept any more.")
    return render_template(
        "pools/discovery.html", instance=instance, found=found, summary=summary_from(found.summary)
    )


@instances.route("/<instance_id>/edit", methods=["GET", "POST"])
@may(OPERATORS)
@limit_guesses
def edit(instance_id: str) -> ResponseReturnValue:
    """Change an instance."""
    session = web.session()
    instance = get_instance(session, instance_id)
    pool = instance.pool
    form = InstanceForm(obj=instance)
    if not form.is_submitted():
        form.leave_empty_what_follows(instance)
    form.offer(lists.all_accounts(session), pool.elevated_account)
    status = 200
    if form.validate_on_submit():
        try:
            operations.change_instance(
                session, actor(), instance, form.values(), by_admin=current_user.is_admin
            )
            session.commit()
        except PlatformError as error:
            status = refused(form, error)
        else:
            flash(f"The instance {instance.name} is changed.", "success")
            return redirect(url_for("instances.show", instance_id=instance.id))
    elif form.is_submitted():
        status = 422
    return render_template("pools/edit_instance.html", form=form, pool=pool, instance=instance), status


@instances.post("/<instance_id>/discover")
@may(OPERATORS)
def discover(instance_id: str) -> ResponseReturnValue:
    """Look at the instance now."""
    return _look(instance_id, "discover")


@instances.post("/<instance_id>/check-account")
@may(OPERATORS)
def check_account(instance_id: str) -> ResponseReturnValue:
    """Check the elevated account now."""
    return _look(instance_id, "check_account")


def _look(instance_id: str, template: str) -> ResponseReturnValue:
    session = web.session()
    job = operations.look_at_instance(session, actor(), get_instance(session, instance_id), template)
    session.commit()
    return redirect(url_for("jobs.job_page", job_id=job.id))


@instances.post("/<instance_id>/delete")
@may(OPERATORS)
def delete(instance_id: str) -> ResponseReturnValue:
    """Forget the instance."""
    session = web.session()
    instance = get_instance(session, instance_id)
    pool_id = instance.pool_id
    operations.remove_instance(session, actor(), instance)
    session.commit()
    flash(f"The instance {instance.name} is removed from the platform. Nothing was changed on it.", "success")
    return redirect(url_for("pools.show", pool_id=pool_id))
