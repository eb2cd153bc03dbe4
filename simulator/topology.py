"""The topology file: which instances the simulator runs. YAML (or JSON), validated before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from simulator.errors import TopologyError
from simulator.topology_file import read_topology_file, shown
from simulator.utf16 import in_units

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
MAX_GIB = 4 * 1024 * 1024  # of a volume: 4 PiB, so that every count of bytes and KiB fits a bigint
MAX_MIB = 64 * 1024 * 1024  # of memory and of a file: 64 TiB, and pages of 8 KiB fit an int up to 16 TiB
MAX_FILE_MIB = 16 * 1024 * 1024 - 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


Name = Annotated[str, Field(min_length=1, max_length=128)]  # sysname
File = Annotated[Path, Field(strict=False)]  # text in the file


class VolumeSpec(_Strict):
    """A volume of the machine. ``mount_point``: ``/`` or ``/var/opt/mssql/`` (Linux), ``D:\\`` (Windows)."""

    mount_point: Annotated[str, Field(min_length=1)]
    label: str = ""
    size_gib: Annotated[float, Field(gt=0, le=MAX_GIB)] = 100.0
    free_gib: Annotated[float, Field(ge=0, le=MAX_GIB)] | None = (
        None  # None: all but what the files on it take
    )


class LoginSpec(_Strict):
    """A SQL login that exists from the start."""

    name: Name
    password: str
    sid: Annotated[str, Field(pattern=r"^0x[0-9A-Fa-f]{32}$")] | None = None
    server_roles: list[str] = []
    permissions: list[str] = []  # server permissions, as in GRANT: "VIEW SERVER STATE"
    disabled: bool = False
    default_database: str = "master"


class DatabaseSpec(_Strict):
    """A user database that exists from the start."""

    name: Name
    collation: str | None = None
    owner: str = "sa"
    recovery_model: Literal["FULL", "SIMPLE", "BULK_LOGGED"] = "FULL"
    state: Literal["ONLINE", "OFFLINE", "RESTORING"] = "ONLINE"
    data_mib: Annotated[int, Field(ge=8, le=MAX_FILE_MIB)] = 64
    log_mib: Annotated[int, Field(ge=8, le=MAX_FILE_MIB)] = 64
    used_mib: Annotated[float, Field(ge=0, le=MAX_FILE_MIB)] = 3
    max_mib: Annotated[int, Field(gt=0, le=MAX_FILE_MIB)] | None = None


class FaultSpec(_Strict):
    """A fault that is switched on; the names are documented in docs/simulator.md.

    ``drop``
        close the connection ``when`` before or after the message runs;
    ``error``
        answer with error ``number`` instead of running the message;
    ``delay``
        wait ``seconds`` before the message runs;
    ``hold``
        as ``delay``, but until the fault is removed through the control channel;
    ``down``
        the instance accepts no connection and drops those it has;
    ``login_throttled``
        logins are answered after ``seconds``.

    A message is a batch or a remote procedure call. It is chosen by ``at`` (the Nth that reaches the instance
    after the fault was set, counting from 1, among those that match) and by ``pattern`` (a regular expression
    searched in the text, ignoring case), ``login`` and ``app_name``; ``times`` says how often the fault acts
    (None: always).
    """

    kind: Literal["drop", "error", "delay", "hold", "down", "login_throttled"]
    name: str | None = None
    at: Annotated[int, Field(ge=1)] | None = None
    pattern: str | None = None
    login: str | None = None
    app_name: str | None = None
    when: Literal["before", "after"] = "before"
    number: int | None = None
    state: int = 1
    message: str | None = None
    seconds: Annotated[float, Field(ge=0)] = 0
    times: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _number_with_error(self) -> FaultSpec:
        if (self.kind == "error") != (self.number is not None):
            raise ValueError("'number' goes with kind 'error', and kind 'error' needs it")
        return self


# "Editions and supported features of SQL Server 2025" on Microsoft Learn; for containers: MSSQL_PID.
Edition = Literal[
    "Developer", "Enterprise", "EnterpriseDeveloper", "Express", "Standard", "StandardDeveloper", "Web"
]
EDITIONS_SINCE_2025 = frozenset({"EnterpriseDeveloper", "StandardDeveloper"})
EDITIONS_UNTIL_2022 = frozenset({"Developer", "Web"})


class InstanceSpec(_Strict):
    """One SQL Server instance: a machine of its own, listening on its own loopback port."""

    name: Annotated[str, Field(min_length=1, max_length=15)]  # @@SERVERNAME; at most 15 characters on Linux
    instance_name: str | None = None  # None: the default instance
    port: Annotated[int, Field(ge=0, le=65535)] = 0  # 0: any free port
    version: Literal[2019, 2022, 2025] = 2022
    edition: Edition = "Developer"  # 2025: EnterpriseDeveloper
    platform: Literal["Linux", "Windows"] = "Linux"
    cpus: Annotated[int, Field(ge=1, le=4096)] = 4
    memory_mib: Annotated[int, Field(ge=512, le=MAX_MIB)] = 16384
    available_memory_mib: Annotated[int, Field(ge=0)] | None = None
    cpu_percent: Annotated[int, Field(ge=0, le=100)] = 5
    volumes: list[VolumeSpec] = []  # empty: one of 100 GiB for the platform's default paths
    collation: str = "SQL_Latin1_General_CP1_CI_AS"
    hadr: bool = False
    encryption: Literal["off", "on", "required", "not_supported"] = (
        "off"  # as a server that was just installed
    )
    sa_password: str
    logins: list[LoginSpec] = []
    databases: list[DatabaseSpec] = []
    configuration: dict[str, int] = {}
    faults: list[FaultSpec] = []

    @model_validator(mode="before")
    @classmethod
    def _free_edition(cls, values: Any) -> Any:
        """Without an edition: the one that may be used for tests."""
        if isinstance(values, dict) and values.get("version") == 2025 and values.get("edition") is None:
            return {**values, "edition": "EnterpriseDeveloper"}
        return values

    @model_validator(mode="after")
    def _edition_of_its_version(self) -> InstanceSpec:
        only = {2025} if self.edition in EDITIONS_SINCE_2025 else {2019, 2022}
        if self.edition in EDITIONS_SINCE_2025 | EDITIONS_UNTIL_2022 and self.version not in only:
            raise ValueError(f"SQL Server {self.version} has no edition '{self.edition}'")
        return self

    @field_validator("encryption", mode="before")
    @classmethod
    def _yaml_words(cls, value: Any) -> Any:
        """YAML reads a bare ``on`` or ``off`` as a truth value; here it means the word."""
        return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


class Topology(_Strict):
    """All instances of one simulator process. Paths are relative to the topology file's folder."""

    instances: Annotated[list[InstanceSpec], Field(min_length=1)]
    trace: File | None = None  # JSON lines of every message received
    state: File | None = None  # folder; when given, a restarted simulator still has its databases
    control: File | None = None  # Unix socket of the control channel
    certificate: File | None = None  # where to write the server certificate (PEM), for clients to trust

    @model_validator(mode="after")
    def _names_and_ports_differ(self) -> Topology:
        names = [i.name.lower() for i in self.instances]
        if len(set(names)) != len(names):
            raise ValueError("two instances have the same name")
        ports = [i.port for i in self.instances if i.port]
        if len(set(ports)) != len(ports):
            raise ValueError("two instances have the same port")
        return self


def _problem(path: Path, error: Any) -> str:
    """One line about one field. What was given is shown only where it cannot hold a password."""
    where = shown(".".join(str(part) for part in error["loc"]))
    given = error.get("input")
    is_plain = isinstance(given, int | float | str) and "password" not in where
    what = f" (got {given!r:.60})" if is_plain else ""
    return f"{path}: {where or '(file)'}: {shown(error['msg'])}{what}"


def _in_units(value: Any) -> Any:
    """``value`` with its texts as SQL Server counts them; a fault's pattern stays as it is."""
    if isinstance(value, list):
        return [_in_units(one) for one in value]
    if isinstance(value, BaseModel) and not isinstance(value, FaultSpec):
        texts = {name: _in_units(getattr(value, name)) for name in type(value).model_fields}
        return value.model_copy(update=texts)
    return in_units(value) if isinstance(value, str | dict) else value


def load_topology(path: Path) -> Topology:
    """Read and validate a topology file. Raises :class:`TopologyError` with one line per problem."""
    data = read_topology_file(path)
    try:
        topology = Topology.model_validate(data)
    except ValidationError as exc:
        problems = [_problem(path, error) for error in exc.errors()]
        raise TopologyError("\n".join(problems)) from exc
    base = path.resolve().parent
    fixed = {
        field: base / value
        for field in ("trace", "state", "control", "certificate")
        if (value := getattr(topology, field)) is not None and not value.is_absolute()
    }
    return topology.model_copy(update={**fixed, "instances": _in_units(topology.instances)})
