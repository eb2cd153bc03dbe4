"""What values pools, instances and accounts may have. Pure; each raises InvalidInput for its field.

Names and addresses end up in an Ansible inventory. There text with braces would be evaluated, so it is
refused here, before anything is stored.
"""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal

from webapp.errors import InvalidInput

# Names that Ansible gives a meaning of its own.
RESERVED_NAMES = frozenset({"all", "ungrouped", "localhost"})
PASSWORD_CHARACTERS = 128  # SQL Server's limit
LARGEST_DATA_GIB = 16 * 1024  # the largest data file of SQL Server
LARGEST_LOG_GIB = 2 * 1024  # the largest log file
HIGHEST_PRICE = Decimal("99999999.99")

_GROUP = re.compile(r"[a-z][a-z0-9_]{0,62}")
_HOST_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_INSTANCE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,15}")
_COLLATION = re.compile(r"[A-Za-z0-9_]{1,128}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_EVALUATED = ("{{", "{%", "{#")


def pool_name(text: str) -> str:
    """A group of the inventory."""
    name = text.strip()
    if not _GROUP.fullmatch(name):
        raise InvalidInput(
            "name",
            "This is no name for a pool" if name else "A pool needs a name",
            "Begin with a lower-case letter; then letters, digits and underscores, 63 in all at most",
        )
    return _not_reserved(name)


def instance_name(text: str) -> str:
    """A host of the inventory."""
    name = text.strip()
    if not _HOST_NAME.fullmatch(name):
        raise InvalidInput(
            "name",
            "This is no name for an instance" if name else "An instance needs a name",
            "Begin with a lower-case letter; then letters, digits, hyphens, underscores; 63 in all at most",
        )
    return _not_reserved(name)


def _not_reserved(name: str) -> str:
    if name in RESERVED_NAMES:
        raise InvalidInput("name", f"Ansible uses the name {name} itself", "Choose another name")
    return name


def address(field: str, text: str) -> str:
    """A host name or an IP address, in lower case."""
    host = text.strip().lower()
    if not host:
        raise InvalidInput(field, "The address is missing", "Give a host name or an IP address")
    labels = host.split(".")
    if ":" in host or labels[-1].isdigit():  # no top-level domain is a number: it is meant as an IP address
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            raise InvalidInput(
                field, "This is no IP address", "Write it like 192.0.2.10; the port has its own field"
            ) from None
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidInput(
            field,
            "This is neither a host name nor an IP address",
            "Write it like sql01.example.com, without port and instance name",
        )
    return host


def port(field: str, number: int | None) -> int | None:
    """A TCP port."""
    if number is not None and not 1 <= number <= 65535:
        raise InvalidInput(field, "This is no TCP port", "Give a number from 1 to 65535")
    return number


def named_instance(text: str | None) -> str | None:
    """The name behind the backslash of ``host\\NAME``; None: none, also when empty."""
    name = (text or "").strip()
    if not name:
        return None
    if not _INSTANCE_NAME.fullmatch(name):
        raise InvalidInput(
            "instance_name",
            "This is no name of a named instance",
            "Give what stands behind the backslash: up to 16 letters, digits, _ and $",
        )
    return name


def between(field: str, number: int | None, least: int, most: int) -> int:
    """A whole number from ``least`` to ``most``."""
    if number is None or not least <= number <= most:
        raise InvalidInput(field, "This number cannot be", f"Give a whole number from {least} to {most}")
    return number


def collation(text: str | None, known: list[str]) -> str | None:
    """A collation, among ``known`` if discovery found any; None, also when empty: the instance's own."""
    name = (text or "").strip()
    if not name:
        return None
    if not _COLLATION.fullmatch(name):
        raise InvalidInput(
            "default_collation", "This is no name of a collation", "Write it like Latin1_General_100_CI_AS"
        )
    spelt = {one.lower(): one for one in known}
    if known and name.lower() not in spelt:
        raise InvalidInput(
            "default_collation",
            "Not every open instance of the pool knows this collation",
            "Choose one that discovery found",
        )
    return spelt.get(name.lower(), name)


def price(number: Decimal | None) -> Decimal | None:
    """A price for a GiB and month; None: no charge."""
    if number is None:
        return None
    if not number.is_finite() or not 0 <= number <= HIGHEST_PRICE:
        raise InvalidInput("price_per_gib_month", "This price cannot be", "Give a number from 0, or none")
    return number.quantize(Decimal("0.01"))


def currency(text: str) -> str:
    """Three letters as in ISO 4217."""
    code = text.strip().upper()
    if not _CURRENCY.fullmatch(code):
        raise InvalidInput("currency", "This is no currency", "Give three letters, for instance EUR")
    return code


def line(field: str, text: str, *, most: int, is_required: bool = True) -> str:
    """One line of text for people."""
    found = text.strip()
    if is_required and not found:
        raise InvalidInput(field, "This is missing", "Fill it in")
    if len(found) > most:
        raise InvalidInput(field, f"This is longer than {most} characters", "Shorten it")
    if not found.isprintable():
        raise InvalidInput(field, "This holds characters that cannot be seen", "Write it in one line")
    return found


def login_user(text: str) -> str:
    """The login of an elevated account."""
    name = line("login_user", text, most=128)
    if any(mark in name for mark in _EVALUATED):
        raise InvalidInput(
            "login_user", "Ansible would evaluate what stands in {{, {% or {#", "Choose another login"
        )
    return name


def login_password(text: str | None) -> str:
    """The password of an elevated account, as it is. Its value is in no error."""
    if not text:
        raise InvalidInput("login_password", "The password is missing", "Fill it in")
    if len(text) > PASSWORD_CHARACTERS:
        raise InvalidInput(
            "login_password",
            f"The password is longer than {PASSWORD_CHARACTERS} characters",
            "SQL Server takes no longer ones",
        )
    # It reaches Ansible as a file, whose last line break and blanks are dropped.
    if text != text.strip() or not text.isprintable():
        raise InvalidInput(
            "login_password",
            "The password begins or ends with a blank, or holds characters that cannot be seen",
            "Choose another password",
        )
    return text
