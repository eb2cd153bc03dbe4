"""Units in which the platform counts."""

from __future__ import annotations

MIB_PER_GIB = 1024
