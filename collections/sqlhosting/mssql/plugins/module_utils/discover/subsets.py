# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which parts of an instance are asked for: ``gather_subset`` with its exclusions. Pure."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput

ALL = "all"
SUBSETS = (
    "version",
    "cpu",
    "memory",
    "volumes",
    "configuration",
    "collations",
    "hadr",
    "databases",
    "files",
    "space",
    "logins",
    "availability_groups",
)
# Only when it is named: it is about the session itself, not about the instance.
ACCOUNT = "account"
# Files and used space are shown inside their databases.
_INSIDE_DATABASES = ("files", "space")


def wanted_subsets(gather_subset: list) -> set:
    """The subsets to gather. Names with ``!`` are taken away; only such names mean: all but those.

    ``files`` and ``space`` bring ``databases`` with them. Raises :class:`InvalidInput` for an unknown name
    and when nothing is left.
    """
    names = [str(name).strip() for name in gather_subset]
    unknown = [
        name for name in names if name.lstrip("!") not in (*SUBSETS, ACCOUNT, ALL) or name.startswith("!!")
    ]
    if unknown:
        raise InvalidInput(
            field="gather_subset",
            problem=f"{', '.join(map(repr, unknown))} is no subset",
            remedy=f"Known are {ALL}, {', '.join(SUBSETS)} and {ACCOUNT}, each also with ! to leave it out.",
        )
    included = {name for name in names if not name.startswith("!")}
    excluded = {name[1:] for name in names if name.startswith("!")}
    if not included or ALL in included:
        wanted = set() if ALL in excluded else set(SUBSETS)
        wanted |= included - {ALL}
    else:
        wanted = set(included)
    wanted -= excluded - {ALL}
    if not wanted:
        raise InvalidInput(
            field="gather_subset",
            problem=f"{', '.join(names) or 'an empty list'} leaves nothing to gather",
            remedy="Name at least one subset, or leave the option out for all.",
        )
    if any(name in wanted for name in _INSIDE_DATABASES):
        if "databases" in excluded:
            wanted -= set(_INSIDE_DATABASES)
        else:
            wanted.add("databases")
    return wanted
