"""What a customer reads instead of T-SQL."""

from __future__ import annotations

import pytest

from webapp.pages.jobs.steps import change_in_words

READ = {
    ("login/create", "login:shop_app"): "Create login shop_app",
    ("login/disable", "login:shop_owner/enabled=false"): "Disable login shop_owner",
    ("login/set_password", "login:shop_app"): "Set the password of login shop_app",
    ("database/create", "database:shop_orders"): "Create database shop_orders",
    ("database/set_owner", "database:shop_orders/owner=shop_owner"): (
        "Make shop_owner the owner of database shop_orders"
    ),
    (
        "database/set_recovery",
        "database:shop_orders/recovery=FULL",
    ): "Set recovery of database shop_orders to FULL",
    ("user/create", "user:shop_orders/shop_app"): "Let shop_app into shop_orders",
    ("user/add_role", "user:shop_orders/shop_app/role=db_datareader"): (
        "Give shop_app the role db_datareader in shop_orders"
    ),
    (
        "user/grant",
        "user:shop_orders/shop_app/permission=EXECUTE",
    ): "Grant EXECUTE to shop_app in shop_orders",
    ("user/deny", "user:shop_orders/shop_app/denied_permission=ALTER ANY DATABASE DDL TRIGGER"): (
        "Deny ALTER ANY DATABASE DDL TRIGGER to shop_app in shop_orders"
    ),
    ("database/set_file_max_size", None): "Set file max size of the database",
    ("user/drop_role", None): "Drop role: user",
}


@pytest.mark.parametrize(("statement", "words"), READ.items(), ids=lambda value: str(value)[:40])
def test_a_change_is_told_with_its_names_and_without_signs_of_programs(
    statement: tuple[str, str | None], words: str
) -> None:
    assert change_in_words(*statement) == words
