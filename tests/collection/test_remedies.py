"""What is offered to be pasted can be pasted: one statement that runs."""

from __future__ import annotations

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.account import missing_rights

from tests.support.simulators import Instance, connect


@pytest.mark.parametrize("unusual", ["plain", "a]b", "it's; DROP LOGIN x --"])
def test_each_remedy_for_a_missing_right_runs_as_it_is_and_gives_the_right(
    instance: Instance, driver: str, unusual: str
) -> None:
    name = f"{unusual}_{driver}"
    quoted = name.replace("]", "]]")
    with connect(instance, driver=driver) as administrator:
        administrator.execute(f"CREATE LOGIN [{quoted}] WITH PASSWORD = N'Correct-Horse-7'")
        wanted = missing_rights({}, name, 16)
        assert len(wanted) > 5
        for each in wanted:
            administrator.execute(each["remedy"])
        given = administrator.execute(
            "SELECT p.permission_name FROM sys.server_permissions AS p JOIN sys.server_principals AS l"
            " ON l.principal_id = p.grantee_principal_id WHERE l.name = ?",
            name,
        ).fetchall()
    assert {row[0] for row in given} == {"CONNECT SQL", *(each["right"] for each in wanted)}
