"""The filter of the list of instances, from its address."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.database import is_id
from webapp.pools.listing import InstanceFilter
from webapp.pools.models import Reachability
from webapp.web.arguments import member, search_text


def instance_filter(arguments: Mapping[str, str]) -> InstanceFilter:
    """From a query string; what cannot be asks for nothing."""
    pool = arguments.get("pool", "")
    return InstanceFilter(
        q="".join(one for one in search_text(arguments.get("q")) if one.isprintable()),
        pool=pool if is_id(pool) else None,
        state=member(Reachability, arguments.get("state")),
    )
