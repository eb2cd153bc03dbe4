"""Who sends an elevated account's password to another address must know it, or be an admin.

Otherwise an operator could read it: by naming a server of their own as an instance and checking the account.
"""

from __future__ import annotations

import hmac

from webapp.errors import InvalidInput
from webapp.pools.models import ElevatedAccount

FIELD = "account_password"
# Of an instance: what decides where the password is sent, and who could read it there.
WHERE = ("host", "port", "instance_name", "trust_server_certificate", "elevated_account_id")


class WrongPassword(InvalidInput):
    """Somebody typed another password than the account's. ``account``: which one."""

    def __init__(self, account: ElevatedAccount) -> None:
        self.account_id, self.account_name = account.id, account.name
        super().__init__(
            FIELD,
            f"This is not the password of {account.name}",
            "Type it again, or ask an admin to save this",
        )


def require_knowledge(account: ElevatedAccount, password: str | None, *, by_admin: bool) -> None:
    """Raise InvalidInput unless ``password`` is the account's, or an admin asks."""
    if by_admin:
        return
    if not password:
        raise InvalidInput(
            FIELD,
            f"The password of {account.name} would be sent to another place",
            "Type it to show that you know it, or ask an admin to save this",
        )
    if not hmac.compare_digest(password.encode("utf-8"), account.login_password.encode("utf-8")):
        raise WrongPassword(account)
