"""Pages of elevated accounts: /elevated-accounts. No page ever holds a password."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.errors import PlatformError
from webapp.pages.pools import lists
from webapp.pages.pools.forms import AccountForm
from webapp.pages.pools.refusals import refused
from webapp.pools import elevated_accounts
from webapp.web import session as web
from webapp.web.access import OPERATORS, STAFF, actor, may

elevated = Blueprint("elevated_accounts", __name__, url_prefix="/elevated-accounts")


@elevated.get("")
@may(STAFF)
def index() -> ResponseReturnValue:
    """All elevated accounts and what uses them."""
    session = web.session()
    rows = [
        (account, elevated_accounts.used_by(session, account.id)) for account in lists.all_accounts(session)
    ]
    return render_template("pools/accounts.html", rows=rows)


@elevated.route("/new", methods=["GET", "POST"])
@may(OPERATORS)
def new() -> ResponseReturnValue:
    """Create an account."""
    session = web.session()
    form = AccountForm()
    status = 200
    if form.validate_on_submit():
        try:
            account = elevated_accounts.create_account(session, actor(), form.values())
            session.commit()
        except PlatformError as error:
            status = refused(form, error)
        else:
            flash(f"The account {account.name} is there.", "success")
            return redirect(url_for("elevated_accounts.index"))
    elif form.is_submitted():
        status = 422
    return render_template("pools/edit_account.html", form=form, account=None, users=[]), status


@elevated.route("/<account_id>/edit", methods=["GET", "POST"])
@may(OPERATORS)
def edit(account_id: str) -> ResponseReturnValue:
    """Change an account; an empty password stays as it is."""
    session = web.session()
    account = elevated_accounts.get_account(session, account_id)
    form = AccountForm(data={"name": account.name, "login_user": account.login_user})
    status = 200
    if form.validate_on_submit():
        try:
            elevated_accounts.change_account(session, actor(), account, form.values())
            session.commit()
        except PlatformError as error:
            status = refused(form, error)
        else:
            flash(f"The account {account.name} is changed. Check it on its instances.", "success")
            return redirect(url_for("elevated_accounts.index"))
    elif form.is_submitted():
        status = 422
    users = elevated_accounts.used_by(session, account.id)
    return render_template("pools/edit_account.html", form=form, account=account, users=users), status


@elevated.post("/<account_id>/delete")
@may(OPERATORS)
def delete(account_id: str) -> ResponseReturnValue:
    """Forget an account that nothing uses."""
    session = web.session()
    account = elevated_accounts.get_account(session, account_id)
    elevated_accounts.remove_account(session, actor(), account)
    session.commit()
    flash(f"The account {account.name} is removed.", "success")
    return redirect(url_for("elevated_accounts.index"))
