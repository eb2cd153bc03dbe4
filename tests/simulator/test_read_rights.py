"""Who may read which system view, by version: a table that knows what the templates read, and holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyodbc
import pytest

from simulator.sql.catalog.rights import READ_RIGHTS
from tests.support.simulators import ROOT, Simulator, connect, running_simulator

TEMPLATES = ROOT / "collections/sqlhosting/mssql/templates/tsql"
PASSWORD = "Weak-Login-1!"
VERSIONS = {2017: 14, 2019: 15, 2022: 16, 2025: 17}  # major versions; the simulator has no 2017
_READ = re.compile(r"\bsys\.((?!sp_)\w+)", re.IGNORECASE)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_CALLS = {"sys.dm_os_volume_stats": "(1, 1)", "sys.fn_helpcollations": "()"}


def read_by(path: str) -> set[str]:
    """The system views that the templates at ``path`` (a pattern) read."""
    texts = [_COMMENT.sub("", each.read_text(encoding="utf-8")) for each in TEMPLATES.rglob(path)]
    assert texts
    return {f"sys.{name.lower()}" for text in texts for name in _READ.findall(text)}


def test_every_view_that_a_template_reads_is_in_the_table() -> None:
    read = read_by("*.sql.j2")
    assert len(read) > 20
    assert read - set(READ_RIGHTS) == set()


def test_every_row_names_its_source_and_a_right_for_each_version() -> None:
    for name, right in READ_RIGHTS.items():
        assert right.page.startswith(("sys-", "system-", "schemas-")), name
        assert right.without in {"error", "fewer"}, name
        for major in VERSIONS.values():
            assert not right.on(major) or right.on(major).startswith("VIEW "), name


@pytest.mark.parametrize("template", ["server", "identity", "account"])
def test_the_first_read_of_a_session_needs_no_right(template: str) -> None:
    assert read_by(f"{template}.sql.j2") == set()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """An instance of each version; a login without rights, and one for each right, called as the right."""
    instances = []
    for version in (2019, 2022, 2025):
        rights = sorted({right.on(VERSIONS[version]) for right in READ_RIGHTS.values()} - {""})
        logins = [{"name": right, "password": PASSWORD, "permissions": [right]} for right in rights]
        weak = {"name": "weak", "password": PASSWORD}
        instances.append({"name": f"v{version}", "version": version, "logins": [weak, *logins]})
    with running_simulator({"instances": instances}, folder=tmp_path_factory.mktemp("rights")) as running:
        yield running


@pytest.mark.parametrize("version", [2019, 2022, 2025])
def test_the_table_holds(world: Simulator, driver: str, version: int) -> None:
    instance = world.instances[f"v{version}"]
    weak = connect(instance, driver=driver, user="weak", password=PASSWORD)
    logins = {}
    for name, right in READ_RIGHTS.items():
        needed = right.on(VERSIONS[version])
        statement = f"SELECT COUNT(*) FROM {name}{_CALLS.get(name, '')}"
        # FreeTDS shows the last of the two errors, 300 and 297; Microsoft's driver the first.
        if needed and right.without == "error":
            with pytest.raises(pyodbc.Error, match=rf"{needed} permission was denied|\(297\)"):
                weak.execute(statement).fetchval()
        else:
            weak.execute(statement).fetchval()
        if needed:
            if needed not in logins:
                logins[needed] = connect(instance, driver=driver, user=needed, password=PASSWORD)
            logins[needed].execute(statement).fetchval()
