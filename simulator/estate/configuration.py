# ruff: noqa: E501 - one option per line reads best
"""Server configuration options (sys.configurations, sp_configure). Source: Microsoft Learn, "Server configuration options"."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """An option with its allowed range; ``is_dynamic``: RECONFIGURE is enough; ``is_advanced``: hidden by default."""

    number: int
    name: str
    default: int
    minimum: int
    maximum: int
    description: str
    is_dynamic: bool = True
    is_advanced: bool = True


SHOW_ADVANCED = "show advanced options"
_BIG = 2_147_483_647

OPTIONS = (
    Option(101, "recovery interval (min)", 0, 0, 32767, "Maximum recovery interval in minutes"),
    Option(102, "allow updates", 0, 0, 1, "Allow updates to system tables", is_advanced=False),
    Option(103, "user connections", 0, 0, 32767, "Number of user connections allowed", is_dynamic=False),
    Option(106, "locks", 0, 5000, _BIG, "Number of locks for all users", is_dynamic=False),
    Option(107, "open objects", 0, 0, _BIG, "Number of open database objects", is_dynamic=False),
    Option(109, "fill factor (%)", 0, 0, 100, "Default fill factor percentage", is_dynamic=False),
    Option(115, "nested triggers", 1, 0, 1, "Allow triggers to be invoked within triggers", is_advanced=False),
    Option(117, "remote access", 1, 0, 1, "Allow remote access", is_dynamic=False, is_advanced=False),
    Option(124, "default language", 0, 0, 9999, "default language", is_advanced=False),
    Option(503, "max worker threads", 0, 128, 65535, "Maximum worker threads"),
    Option(505, "network packet size (B)", 4096, 512, 32767, "Network packet size"),
    Option(518, SHOW_ADVANCED, 0, 0, 1, "show advanced options", is_advanced=False),
    Option(544, "priority boost", 0, 0, 1, "Priority boost", is_dynamic=False),
    Option(1505, "index create memory (KB)", 0, 704, _BIG, "Memory for index create sorts (kBytes)"),
    Option(1519, "remote login timeout (s)", 10, 0, _BIG, "remote login timeout", is_advanced=False),
    Option(1520, "remote query timeout (s)", 600, 0, _BIG, "remote query timeout", is_advanced=False),
    Option(1531, "cursor threshold", -1, -1, _BIG, "cursor threshold"),
    Option(1535, "affinity mask", 0, -2147483648, _BIG, "affinity mask"),
    Option(1536, "max text repl size (B)", 65536, -1, _BIG, "Maximum size of a text field in replication.", is_advanced=False),
    Option(1538, "cost threshold for parallelism", 5, 0, 32767, "cost threshold for parallelism"),
    Option(1539, "max degree of parallelism", 0, 0, 32767, "maximum degree of parallelism"),
    Option(1540, "min memory per query (KB)", 1024, 512, _BIG, "minimum memory per query (kBytes)"),
    Option(1541, "query wait (s)", -1, -1, _BIG, "maximum time to wait for query memory (s)"),
    Option(1543, "min server memory (MB)", 0, 0, _BIG, "Minimum size of server memory (MB)"),
    Option(1544, "max server memory (MB)", _BIG, 128, _BIG, "Maximum size of server memory (MB)"),
    Option(1545, "query governor cost limit", 0, 0, _BIG, "Maximum estimated cost allowed by query governor"),
    Option(1546, "lightweight pooling", 0, 0, 1, "User mode scheduler uses lightweight pooling", is_dynamic=False),
    Option(1547, "scan for startup procs", 0, 0, 1, "scan for startup stored procedures", is_dynamic=False),
    Option(1562, "clr enabled", 0, 0, 1, "CLR user code execution enabled in the server", is_advanced=False),
    Option(1568, "default trace enabled", 1, 0, 1, "Enable or disable the default trace"),
    Option(1569, "blocked process threshold (s)", 0, 0, 86400, "Blocked process reporting threshold"),
    Option(1576, "remote admin connections", 0, 0, 1, "Dedicated Admin Connections are allowed from remote clients", is_advanced=False),
    Option(1579, "backup compression default", 0, 0, 1, "Enable compression of backups by default", is_advanced=False),
    Option(1580, "filestream access level", 0, 0, 2, "Sets the FILESTREAM access level", is_advanced=False),
    Option(1581, "optimize for ad hoc workloads", 0, 0, 1, "When this option is set, plan cache size is further reduced for a single-use adhoc OLTP workload."),
    Option(1584, "backup checksum default", 0, 0, 1, "Enable checksum of backups by default", is_advanced=False),
    Option(16384, "Agent XPs", 0, 0, 1, "Enable or disable Agent XPs"),
    Option(16386, "Database Mail XPs", 0, 0, 1, "Enable or disable Database Mail XPs"),
    Option(16388, "Ole Automation Procedures", 0, 0, 1, "Enable or disable Ole Automation Procedures"),
    Option(16390, "xp_cmdshell", 0, 0, 1, "Enable or disable command shell"),
    Option(16391, "Ad Hoc Distributed Queries", 0, 0, 1, "Enable or disable Ad Hoc Distributed Queries"),
    Option(16393, "contained database authentication", 0, 0, 1, "Enables contained databases and contained authentication", is_advanced=False),
    Option(16397, "allow polybase export", 0, 0, 1, "Allow INSERT into a Hadoop external table", is_advanced=False),
)  # fmt: skip


def option(name: str) -> list[Option]:
    """The options whose names begin with ``name`` (sp_configure takes a unique beginning); an exact match alone."""
    wanted = name.lower()
    exact = [o for o in OPTIONS if o.name.lower() == wanted]
    return exact or [o for o in OPTIONS if o.name.lower().startswith(wanted)]
