"""Forms of the pools room: what a browser can send, as values. What a value may be: ``pools/fields.py``."""

from __future__ import annotations

from typing import Any

from wtforms import (
    BooleanField,
    DecimalField,
    IntegerField,
    PasswordField,
    SelectField,
    StringField,
    SubmitField,
)
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from webapp.database import default_of
from webapp.pools.elevated_accounts import AccountValues
from webapp.pools.models import ElevatedAccount, Instance, Pool, PoolKind
from webapp.pools.operations import InstanceValues, PoolValues
from webapp.web.forms import RefusableForm

KINDS = [SelectChoice(kind.value, kind.words) for kind in PoolKind]
MONO = {"class": "mono", "autocomplete": "off", "spellcheck": "false"}


def text(field: Any) -> str:
    """What was typed; "" when the field was not sent."""
    return field.data or ""


def optional(field: Any) -> str | None:
    """What was typed; None when nothing was."""
    return field.data or None


def _choice(account: ElevatedAccount) -> SelectChoice:
    return SelectChoice(account.id, f"{account.name} (login {account.login_user})")


class KnowingForm(RefusableForm):
    """A form that may send an elevated account's password to another place."""

    account_password = PasswordField(
        "Password of the elevated account",
        render_kw={"autocomplete": "off"},
        description="Needed when it would be sent to another place: show that you know it. Admins need not.",
    )


class PoolForm(KnowingForm):
    """A pool."""

    name = StringField(
        "Name",
        validators=[InputRequired()],
        render_kw=MONO,
        description="A group of the inventory: lower-case letters, digits and underscores.",
    )
    kind = SelectField("Kind", choices=KINDS)
    description = StringField("Description", description="What customers read when they choose.")
    elevated_account_id = SelectField(
        "Elevated account", description="The login that the platform uses on the pool's instances."
    )
    is_open = BooleanField("Open: takes new applications", default=True)
    cpu_percent = IntegerField("CPU, %", default=default_of(Pool.cpu_percent), validators=[InputRequired()])
    memory_percent = IntegerField(
        "Memory, %", default=default_of(Pool.memory_percent), validators=[InputRequired()]
    )
    disk_free_percent = IntegerField(
        "Disk kept free, %", default=default_of(Pool.disk_free_percent), validators=[InputRequired()]
    )
    databases = IntegerField("Databases", default=default_of(Pool.databases), validators=[InputRequired()])
    largest_data_gib = IntegerField(
        "Data, GiB", default=default_of(Pool.largest_data_gib), validators=[InputRequired()]
    )
    largest_log_gib = IntegerField(
        "Log, GiB", default=default_of(Pool.largest_log_gib), validators=[InputRequired()]
    )
    default_collation = StringField(
        "Default collation",
        render_kw={**MONO, "list": "collations"},
        description="Offered first. Empty: what the instances have; one of them where they differ.",
    )
    price_per_gib_month = DecimalField(
        "Price for a GiB and month", places=2, validators=[Optional()], description="Empty: no charge."
    )
    currency = StringField(
        "Currency", default=default_of(Pool.currency), validators=[Length(max=10)], render_kw=MONO
    )
    submit = SubmitField("Save")

    def offer(self, accounts: list[ElevatedAccount]) -> None:
        """The accounts to choose from."""
        self.elevated_account_id.choices = [_choice(one) for one in accounts]

    def values(self) -> PoolValues:
        """What was filled in."""
        return PoolValues(
            name=text(self.name), kind=PoolKind(text(self.kind)), description=text(self.description),
            elevated_account_id=text(self.elevated_account_id), is_open=self.is_open.data,
            cpu_percent=self.cpu_percent.data, memory_percent=self.memory_percent.data,
            disk_free_percent=self.disk_free_percent.data, databases=self.databases.data,
            largest_data_gib=self.largest_data_gib.data, largest_log_gib=self.largest_log_gib.data,
            default_collation=optional(self.default_collation),
            price_per_gib_month=self.price_per_gib_month.data, currency=text(self.currency),
            account_password=optional(self.account_password),
        )  # fmt: skip


class InstanceForm(KnowingForm):
    """An instance."""

    name = StringField(
        "Name",
        validators=[InputRequired()],
        render_kw=MONO,
        description="A host of the inventory: lower-case letters, digits, hyphens and underscores.",
    )
    host = StringField(
        "Address",
        validators=[InputRequired()],
        render_kw=MONO,
        description="Host name or IP address, as workers reach it.",
    )
    port = IntegerField("Port", validators=[Optional()], description="Usually 1433.")
    instance_name = StringField(
        "Instance name",
        render_kw=MONO,
        description="Of a named instance, when SQL Server Browser shall be asked for the port.",
    )
    customer_host = StringField("Customers' address", render_kw=MONO, description="Empty: the same address.")
    customer_port = IntegerField(
        "Customers' port", validators=[Optional()], description="Empty: the same port."
    )
    elevated_account_id = SelectField("Elevated account")
    trust_server_certificate = BooleanField(
        "Trust any certificate",
        description="Only in a lab: anybody between worker and instance could read the password.",
    )
    is_open = BooleanField("Open: takes new applications", default=True)
    submit = SubmitField("Save")

    def offer(self, accounts: list[ElevatedAccount], pools_own: ElevatedAccount) -> None:
        """The accounts to choose from."""
        self.elevated_account_id.choices = [
            SelectChoice("", f"The pool's: {pools_own.name} (login {pools_own.login_user})"),
            *(_choice(one) for one in accounts),
        ]

    def leave_empty_what_follows(self, instance: Instance) -> None:
        """Show what is the same for customers as empty: it changes with the address that workers use."""
        if instance.customer_host == instance.host:
            self.customer_host.data = ""
        if instance.customer_port == instance.port:
            self.customer_port.data = None

    def values(self) -> InstanceValues:
        """What was filled in."""
        return InstanceValues(
            name=text(self.name), host=text(self.host), port=self.port.data,
            instance_name=optional(self.instance_name), customer_host=optional(self.customer_host),
            customer_port=self.customer_port.data, elevated_account_id=optional(self.elevated_account_id),
            trust_server_certificate=self.trust_server_certificate.data, is_open=self.is_open.data,
            account_password=optional(self.account_password),
        )  # fmt: skip


class AccountForm(RefusableForm):
    """An elevated account. The password's field is always empty when it is shown."""

    name = StringField(
        "Name", validators=[InputRequired()], description="For people, for instance: platform on production."
    )
    login_user = StringField("Login", validators=[InputRequired()], render_kw=MONO)
    login_password = PasswordField("Password", render_kw={"autocomplete": "new-password"})
    submit = SubmitField("Save")

    def values(self) -> AccountValues:
        """What was filled in."""
        return AccountValues(text(self.name), text(self.login_user), optional(self.login_password))
