"""The logins that the platform uses on instances. Their passwords go in and never come out on a page."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.audit.operations import Actor, record
from webapp.database import is_id, now
from webapp.errors import Conflict, InvalidInput, NotFound
from webapp.pools import fields
from webapp.pools.models import ElevatedAccount, Instance, Pool
from webapp.signed_rows import sign


@dataclass(frozen=True)
class AccountValues:
    """An account as somebody wants it."""

    name: str
    login_user: str
    login_password: str | None  # None: stays as it is

    def __repr__(self) -> str:
        return f"AccountValues({self.name!r})"  # nothing that prints it may show the password


def get_account(session: Session, account_id: str) -> ElevatedAccount:
    """The account. Raises NotFound."""
    account = session.get(ElevatedAccount, account_id) if is_id(account_id) else None
    if account is None:
        raise NotFound("There is no such account.")
    return account


def create_account(session: Session, actor: Actor, values: AccountValues) -> ElevatedAccount:
    """A new account. Raises InvalidInput, Conflict."""
    name, login_user = _checked(session, values, account=None)
    account = ElevatedAccount(
        name=name, login_user=login_user, login_password=fields.login_password(values.login_password)
    )
    session.add(account)
    _flush(session, name)
    sign(session, account)
    _record(session, actor, "elevated_account:created", account, login_user=login_user)
    return account


def change_account(session: Session, actor: Actor, account: ElevatedAccount, values: AccountValues) -> None:
    """Change name, login or password here; nothing is changed on an instance. Raises InvalidInput, Conflict.

    The outcomes of earlier account checks no longer count when login or password are others.
    """
    name, login_user = _checked(session, values, account=account)
    before = {"name": account.name, "login_user": account.login_user}
    is_password_given = bool(values.login_password)
    if not (is_password_given or account.is_intact):
        raise InvalidInput(
            "login_password",
            "This account was changed in the platform database",
            "Type its password to let it count as you see it",
        )
    if is_password_given:
        account.login_password = fields.login_password(values.login_password)
    account.name, account.login_user, account.changed_at = name, login_user, now()
    after = {"name": name, "login_user": login_user}
    if is_password_given or login_user != before["login_user"]:
        _forget_checks(session, account)
    _flush(session, name)
    sign(session, account)
    changes = {key: [before[key], after[key]] for key in before if before[key] != after[key]}
    if changes or is_password_given:
        _record(
            session, actor, "elevated_account:changed", account, changes=changes,
            is_password_changed=is_password_given,
        )  # fmt: skip


def remove_account(session: Session, actor: Actor, account: ElevatedAccount) -> None:
    """Forget an account that nothing uses. Raises Conflict that says what does."""
    users = used_by(session, account.id)
    if users:
        raise Conflict(f"The account {account.name} is in use: {', '.join(users)}. Give them another first.")
    session.delete(account)
    _record(session, actor, "elevated_account:deleted", account)


def used_by(session: Session, account_id: str) -> list[str]:
    """What uses the account: ``pool x``, ``instance y``."""
    pools = session.scalars(
        select(Pool.name).where(Pool.elevated_account_id == account_id).order_by(Pool.name)
    )
    instances = session.scalars(
        select(Instance.name).where(Instance.elevated_account_id == account_id).order_by(Instance.name)
    )
    return [f"pool {name}" for name in pools] + [f"instance {name}" for name in instances]


def _checked(session: Session, values: AccountValues, *, account: ElevatedAccount | None) -> tuple[str, str]:
    name = fields.line("name", values.name, most=100)
    twin = session.scalars(select(ElevatedAccount).where(ElevatedAccount.name == name)).one_or_none()
    if twin is not None and (account is None or twin.id != account.id):
        raise InvalidInput("name", "There is an account of this name already", "Choose another name")
    return name, fields.login_user(values.login_user)


def _forget_checks(session: Session, account: ElevatedAccount) -> None:
    pools = select(Pool.id).where(Pool.elevated_account_id == account.id)
    by_pool = Instance.elevated_account_id.is_(None) & Instance.pool_id.in_(pools)
    session.execute(
        update(Instance)
        .where(by_pool | (Instance.elevated_account_id == account.id))
        .values(account_check=None, account_checked_at=None)
    )


def _flush(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(f"There is an account {name} already. Somebody else was faster.") from None


def _record(session: Session, actor: Actor, action: str, account: ElevatedAccount, **details: object) -> None:
    record(
        session, actor, action, object_kind="elevated_account", object_id=account.id,
        object_name=account.name, **details,
    )  # fmt: skip
