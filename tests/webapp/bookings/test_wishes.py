"""Operations take values of any face, not only what a form could say: they refuse what cannot be."""

from __future__ import annotations

import pytest

from tests.support.portal import Portal
from webapp.bookings.parameters import check_pool, check_reason, check_size
from webapp.errors import InvalidInput
from webapp.pools.models import PoolKind


@pytest.mark.parametrize("data_mib", [-1, 0, 101])
def test_a_limit_that_is_too_small_is_refused(data_mib: int) -> None:
    with pytest.raises(
        InvalidInput, match=f"{data_mib} MiB is too small. Ask for 0.1 GiB or more"
    ) as refused:
        check_size(data_mib)
    assert refused.value.field == "size_gib"


def test_the_smallest_limit_is_taken() -> None:
    assert check_size(102) == 102


def test_high_availability_is_refused_before_any_pool_is_looked_for(portal: Portal) -> None:
    with (
        portal.database.reading() as session,
        pytest.raises(InvalidInput, match="not yet offered") as refused,
    ):
        check_pool(session, PoolKind.HA, None)
    assert refused.value.field == "kind"


@pytest.mark.parametrize(("reason", "kept"), [(None, None), ("", None), (" \0", None), (" why\n", "why")])
def test_no_words_to_the_approver_are_none(reason: str | None, kept: str | None) -> None:
    assert check_reason(reason) == kept
