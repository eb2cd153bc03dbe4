"""The form of a policy: what a browser can send. What may be is decided by the operations."""

from __future__ import annotations

from typing import Any

from wtforms import (
    BooleanField,
    IntegerField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
)
from wtforms.validators import InputRequired, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.accounts.models import PortalRole
from webapp.bookings.kinds.registry import request_kinds
from webapp.database import default_of
from webapp.policies.models import Policy
from webapp.policies.operations import PolicyValues
from webapp.policies.terms import APPROVER_ROLES
from webapp.pools.models import Pool
from webapp.web.forms import RefusableForm


class CheckboxesField(SelectMultipleField):
    """Several of a few."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class PolicyForm(RefusableForm):
    """A policy."""

    name = StringField("Name", validators=[InputRequired()], description="For lists and the audit log.")
    kinds = CheckboxesField(
        "Kinds of requests",
        description="None chosen: every kind.",
    )
    pool_id = SelectField("Pool")
    only_trusted = BooleanField("Only of customers whom an admin marked as trusted")
    below_gib = IntegerField(
        "Only below, GiB",
        validators=[Optional()],
        description="The data limit that is asked for. With a size, only requests for space fit.",
    )
    approvals = IntegerField(
        "Approvals by different people",
        default=default_of(Policy.approvals),
        validators=[InputRequired()],
        description="0: the platform approves by itself, at once.",
    )
    approver_roles = CheckboxesField(
        "Who approves",
        choices=[SelectChoice(role.value, f"{role.value.capitalize()}s") for role in APPROVER_ROLES],
    )
    four_eyes = BooleanField(
        "Four eyes: nobody approves their own request", default=default_of(Policy.four_eyes)
    )
    plan_hours = IntegerField(
        "Hours that a plan waits",
        default=default_of(Policy.plan_hours),
        validators=[InputRequired()],
        description="Then it expires and has to be made anew: targets change.",
    )
    is_enabled = BooleanField("Enabled", default=True)
    submit = SubmitField("Save")

    def offer(self, pools: list[Pool]) -> None:
        """The kinds of request and the pools to choose from."""
        self.kinds.choices = [SelectChoice(kind.name, kind.label) for kind in request_kinds().values()]
        self.pool_id.choices = [
            SelectChoice("", "Every pool"),
            *(SelectChoice(pool.id, pool.name) for pool in pools),
        ]

    def fill(self, policy: Policy) -> None:
        """Show ``policy`` as it is."""
        self.kinds.data = list(policy.kinds or [])
        self.approver_roles.data = list(policy.approver_roles)
        self.pool_id.data = policy.pool_id or ""

    def values(self) -> PolicyValues:
        """What was typed."""
        return PolicyValues(
            name=self.name.data or "",
            kinds=tuple(self.kinds.data or ()),
            pool_id=self.pool_id.data or None,
            only_trusted=bool(self.only_trusted.data),
            below_gib=self.below_gib.data,
            approvals=_number(self.approvals),
            approver_roles=tuple(PortalRole(role) for role in self.approver_roles.data or ()),
            four_eyes=bool(self.four_eyes.data),
            plan_hours=_number(self.plan_hours),
            is_enabled=bool(self.is_enabled.data),
        )


def _number(field: Any) -> int:
    return int(field.data or 0)
