"""The portal takes the names that the collection takes, and no others: neither imports the other's rule."""

from __future__ import annotations

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application import belongings

from webapp.applications import naming
from webapp.errors import InvalidInput

NAMES = (
    "shop", "Shop2", "s", "shop_eu", "a" * 50, "a" * 51, "", " shop", "shop ", "2shop", "_shop", "shop_",
    "shop__eu",
    "shop-eu", "shop eu", "shop\n", "shöp", "ſhop", "shop٣", "sh]op", "sh'op", "shop🐘", "master", "app",
    "owner",
)  # fmt: skip


@pytest.mark.parametrize("constant", ["NAME_LENGTH", "MAIN_LOGIN", "OWNER_LOGIN", "RESERVED_DATABASES"])
def test_both_mean_the_same(constant: str) -> None:
    assert getattr(naming, constant) == getattr(belongings, constant)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_what_passes_here_passes_there_and_the_other_way_round(name: str) -> None:
    # People type blanks around names, playbooks do not: the portal sends what is left.
    typed = name.strip()
    try:
        passes = naming.check_name(typed, field="name", what="name") == typed
    except InvalidInput:
        passes = False
    assert passes == (belongings.name_problems("name", typed) == [])
