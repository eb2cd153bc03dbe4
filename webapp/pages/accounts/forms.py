"""Forms of the accounts room. What may be written where is decided in fields.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    Field,
    HiddenField,
    PasswordField,
    SelectChoice,
    SelectField,
    StringField,
    SubmitField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import EqualTo, InputRequired, Length, Optional

from webapp.accounts.fields import (
    LONGEST_EMAIL,
    LONGEST_NAME,
    LONGEST_TEXT,
    email_from,
    name_from,
    new_password_from,
    required_text_from,
    text_from,
)
from webapp.accounts.models import PortalRole, UserState
from webapp.accounts.passwords import LONGEST, SHORTEST
from webapp.errors import InvalidInput

ROLE_WORDS = {
    PortalRole.CUSTOMER: "customer – books and sees their own applications",
    PortalRole.OPERATOR: "operator – pools, instances, jobs; approves where a policy says so",
    PortalRole.VIEWER: "viewer – sees everything but secrets, changes nothing",
    PortalRole.ADMIN: "admin – everything, users and policies included",
}
_ROLES = [SelectChoice(role.value, words) for role, words in ROLE_WORDS.items()]
_LIFETIMES = [
    SelectChoice("30", "30 days"),
    SelectChoice("90", "90 days"),
    SelectChoice("365", "a year"),
    SelectChoice("", "until I revoke it"),
]


class Checked:
    """A validator that asks one of the functions of fields.py."""

    def __init__(self, check: Callable[[str], Any]) -> None:
        self._check = check

    def __call__(self, form: FlaskForm, field: Field) -> None:
        """WTForms calls this."""
        try:
            self._check(field.data or "")
        except InvalidInput as exc:
            raise ValidationError(f"{exc}.") from None


def _password(label: str, autocomplete: str, *validators: Any, **options: Any) -> PasswordField:
    render = {"autocomplete": autocomplete, "maxlength": LONGEST}
    return PasswordField(
        label, validators=[InputRequired("Type a password."), *validators], render_kw=render, **options
    )


def _new_password() -> PasswordField:
    return _password(
        "New password",
        "new-password",
        Checked(new_password_from),
        description=f"{SHORTEST} characters or more. Some unrelated words are good and easy to remember.",
    )


def _again() -> PasswordField:
    return _password(
        "The same again", "new-password", EqualTo("password", "The two passwords are not the same.")
    )


class LoginForm(FlaskForm):
    """Log in."""

    email = EmailField(
        "E-mail",
        validators=[InputRequired("Type your e-mail address."), Length(max=LONGEST_EMAIL)],
        render_kw={"autocomplete": "username", "maxlength": LONGEST_EMAIL, "autofocus": True},
    )
    password = _password("Password", "current-password", Length(max=LONGEST))
    submit = SubmitField("Log in")


class RegisterForm(FlaskForm):
    """Ask for an account."""

    name = StringField(
        "Name",
        validators=[InputRequired("Write what colleagues should see."), Checked(name_from)],
        render_kw={"autocomplete": "name", "maxlength": LONGEST_NAME},
    )
    email = EmailField(
        "E-mail",
        validators=[InputRequired("Type your e-mail address."), Checked(email_from)],
        render_kw={"autocomplete": "username", "maxlength": LONGEST_EMAIL},
    )
    password = _new_password()
    again = _again()
    message = TextAreaField(
        "What do you need databases for? (optional)",
        validators=[Optional(), Checked(lambda text: text_from(text, field="message"))],
        render_kw={"rows": 3, "maxlength": LONGEST_TEXT},
        description="Whoever decides about your account reads this.",
    )
    submit = SubmitField("Ask for an account")


class NameForm(FlaskForm):
    """One's own name."""

    name = StringField(
        "Name",
        validators=[InputRequired("Write what colleagues should see."), Checked(name_from)],
        render_kw={"autocomplete": "name", "maxlength": LONGEST_NAME},
    )
    submit = SubmitField("Save")


class PasswordForm(FlaskForm):
    """One's own password."""

    current = _password("Your password now", "current-password", Length(max=LONGEST))
    password = _new_password()
    again = _again()
    submit = SubmitField("Change the password")


class TokenForm(FlaskForm):
    """A new API token."""

    name = StringField(
        "What for",
        validators=[InputRequired("Name what will use it."), Checked(name_from)],
        render_kw={"maxlength": LONGEST_NAME, "autocomplete": "off", "placeholder": "inventory on build01"},
    )
    days = SelectField("Works for", choices=_LIFETIMES, default="90")
    sees_secrets = BooleanField(
        "May read passwords of elevated accounts",
        description="For an inventory that ansible-playbook runs with. Whoever has the token has them too.",
    )
    submit = SubmitField("Create the token")

    @property
    def lifetime_days(self) -> int | None:
        """None: until it is revoked."""
        return int(self.days.data) if self.days.data else None


class ApproveForm(FlaskForm):
    """Let a user in."""

    role = SelectField("Role", choices=_ROLES, default=PortalRole.CUSTOMER.value)
    is_trusted = BooleanField("Trusted: policies may approve their small bookings")
    seen = HiddenField(default=UserState.PENDING.value)


class RoleForm(FlaskForm):
    """Change a user's role."""

    role = SelectField("Role", choices=_ROLES)


class ReasonForm(FlaskForm):
    """Reject or disable: why."""

    reason = TextAreaField(
        "Reason",
        validators=[
            InputRequired("Write why; the user reads it."),
            Checked(lambda text: required_text_from(text, field="reason")),
        ],
        render_kw={"rows": 2, "maxlength": LONGEST_TEXT},
    )
