"""How full a database is, in a word and in figures. Pure."""

from __future__ import annotations

from webapp.units import MIB_PER_GIB

CRITICAL = 0.95  # of the limit
LEAST_LEFT_MIB = 1.0
LEAST_LEFT = 0.002  # of the limit: an extent may be left over when SQL Server says 1105 or 9002


def is_full(used_mib: float | None, limit_mib: float) -> bool:
    """Whether next to nothing more can be written: errors 1105 (data) and 9002 (log) are there or near."""
    return used_mib is not None and limit_mib - used_mib <= max(LEAST_LEFT_MIB, LEAST_LEFT * limit_mib)


def size_text(mib: float | None) -> str:
    """``10.0 GiB``, and ``101.9 MiB`` where GiB would say nothing; a dash for None."""
    if mib is None:
        return "–"
    if mib < MIB_PER_GIB:
        return f"{mib:.1f} MiB".replace(".0 MiB", " MiB")
    return f"{mib / MIB_PER_GIB:.1f} GiB"
