# ruff: noqa: E501 - T-SQL reads best on one line
"""User tables, temporary tables and table variables: definitions, changes, constraints, permissions, SQLAlchemy."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from urllib.parse import quote_plus

import pyodbc
import pytest
import sqlalchemy as sa

from tests.support.simulators import Instance, connect, connection_string


@pytest.fixture
def database(connection: pyodbc.Connection) -> Iterator[str]:
    """A database of the test's own; the connection is in it."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    connection.execute(f"CREATE DATABASE [{name}]")
    connection.execute(f"USE [{name}]")
    yield name
    connection.execute("USE master")
    connection.execute(f"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
    connection.execute(f"DROP DATABASE [{name}]")


def _fails(connection: pyodbc.Connection, text: str) -> str:
    with pytest.raises(pyodbc.Error) as caught:
        connection.execute(text)
    return str(caught.value.args[1])


def test_identity_defaults_and_generated_values(connection: pyodbc.Connection, database: str) -> None:
    connection.execute(
        "CREATE TABLE dbo.item (id int IDENTITY(10, 5) PRIMARY KEY, name nvarchar(20) NOT NULL DEFAULT N'new',"
        " made datetime2(0) NOT NULL DEFAULT SYSDATETIME(), code uniqueidentifier DEFAULT NEWID())"
    )
    connection.execute("INSERT dbo.item DEFAULT VALUES")
    row = connection.execute(
        "INSERT INTO item (name) OUTPUT inserted.id, inserted.name VALUES (N'é')"
    ).fetchone()
    assert tuple(row) == (15, "é")
    assert connection.execute("SELECT SCOPE_IDENTITY(), IDENT_CURRENT('dbo.item')").fetchone()[0] == 15
    first = connection.execute(f"SELECT * FROM [{database}]..item ORDER BY id").fetchone()
    assert first.name == "new"
    assert isinstance(first.made, datetime.datetime)
    assert first.code is not None


def test_constraints_are_enforced(connection: pyodbc.Connection, database: str) -> None:
    connection.execute(
        "CREATE TABLE parent (id int NOT NULL CONSTRAINT pk_parent PRIMARY KEY, name varchar(5) NOT NULL UNIQUE,"
        " CONSTRAINT ck_small CHECK (id < 100))"
    )
    connection.execute(
        "CREATE TABLE child (id int, parent_id int CONSTRAINT fk_child REFERENCES parent (id))"
    )
    connection.execute("INSERT parent VALUES (1, 'a')")
    connection.execute("INSERT child VALUES (1, 1), (2, NULL)")
    said = _fails(connection, "INSERT parent VALUES (1, 'b')")
    assert (
        "Violation of PRIMARY KEY constraint 'pk_parent'. Cannot insert duplicate key in object 'dbo.parent'. "
        in said
    )
    assert "The duplicate key value is (1). (2627)" in said
    assert "(2627)" in _fails(connection, "INSERT parent VALUES (2, 'A ')")
    assert "(547)" in _fails(connection, "INSERT parent VALUES (100, 'c')")
    assert "(547)" in _fails(connection, "INSERT child VALUES (3, 9)")
    assert "(547)" in _fails(connection, "DELETE parent")
    assert "(3726)" in _fails(connection, "DROP TABLE parent")
    said = _fails(connection, "INSERT parent VALUES (3, NULL)")
    assert f"Cannot insert the value NULL into column 'name', table '{database}.dbo.parent'" in said
    assert "column does not allow nulls. INSERT fails. (515)" in said
    assert "(515)" in _fails(connection, "UPDATE parent SET name = NULL")
    assert "(2628)" in _fails(connection, "INSERT parent VALUES (3, 'toolong')")
    assert connection.execute("SELECT COUNT(*) FROM parent").fetchval() == 1


def test_a_failing_insert_changes_nothing(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #whole (a int PRIMARY KEY)")
    _fails(connection, "INSERT #whole VALUES (1), (2), (1)")
    assert connection.execute("SELECT COUNT(*) FROM #whole").fetchval() == 0


def test_update_and_delete_with_joins(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #a (i int, n int); CREATE TABLE #b (i int, n int)")
    connection.execute("INSERT #a VALUES (1, 10), (2, 20), (3, 30); INSERT #b VALUES (2, 5), (3, 6)")
    assert connection.execute("UPDATE a SET n = a.n + b.n FROM #a a JOIN #b b ON b.i = a.i").rowcount == 2
    rows = connection.execute(
        "DELETE a OUTPUT deleted.i, deleted.n FROM #a a JOIN #b b ON b.i = a.i WHERE a.i = 3"
    )
    assert [tuple(row) for row in rows] == [(3, 36)]
    assert connection.execute("UPDATE TOP (1) #a SET n += 1").rowcount == 1
    rows = connection.execute("SELECT i, n FROM #a ORDER BY i").fetchall()
    assert [tuple(row) for row in rows] == [(1, 11), (2, 25)]


def test_select_into_and_truncate(connection: pyodbc.Connection) -> None:
    assert (
        connection.execute(
            "SELECT name, database_id INTO #kept FROM sys.databases WHERE database_id < 5"
        ).rowcount
        == 4
    )
    connection.execute("TRUNCATE TABLE #kept")
    assert connection.execute("SELECT COUNT(*) FROM #kept").fetchval() == 0
    assert "(2714)" in _fails(connection, "SELECT 1 AS a INTO #kept")


def test_temporary_tables_belong_to_their_session(connection: pyodbc.Connection, instance: Instance) -> None:
    connection.execute("CREATE TABLE #mine (a int)")
    other = connect(instance)
    assert "(208)" in _fails(other, "SELECT * FROM #mine")
    other.close()


def test_alter_table_and_indexes(connection: pyodbc.Connection, database: str) -> None:
    connection.execute("CREATE TABLE t (a int NOT NULL, b int)")
    connection.execute("INSERT t VALUES (1, 1), (2, 1)")
    connection.execute("ALTER TABLE t ADD c nvarchar(5) NOT NULL CONSTRAINT df_c DEFAULT N'x', d int NULL")
    assert tuple(connection.execute("SELECT TOP 1 * FROM t").fetchone()) == (1, 1, "x", None)
    assert "(1505)" in _fails(connection, "CREATE UNIQUE INDEX ux ON t (b)")
    connection.execute("CREATE UNIQUE NONCLUSTERED INDEX ux ON t (a DESC)")
    assert "(2601)" in _fails(connection, "INSERT t (a) VALUES (2)")
    connection.execute("DROP INDEX ux ON t")
    assert "(4924)" in _fails(connection, "ALTER TABLE t DROP COLUMN nope")
    connection.execute("ALTER TABLE t DROP COLUMN d")
    assert "(3701)" in _fails(connection, "DROP TABLE nope")
    connection.execute("DROP TABLE IF EXISTS nope; DROP TABLE t")


def test_a_login_without_the_right_gets_error_229(
    connection: pyodbc.Connection, instance: Instance, driver: str, database: str
) -> None:
    login = f"l_{database}"
    connection.execute("CREATE TABLE secret (a int)")
    connection.execute(f"CREATE LOGIN [{login}] WITH PASSWORD = N'Weak-But-4-Classes'")
    connection.execute(f"CREATE USER [{login}] FOR LOGIN [{login}]")
    weak = connect(instance, driver=driver, user=login, password="Weak-But-4-Classes", database=database)
    said = _fails(weak, "SELECT * FROM secret")
    assert (
        f"The SELECT permission was denied on the object 'secret', database '{database}', schema 'dbo'. (229)"
        in said
    )
    connection.execute(f"GRANT SELECT ON secret TO [{login}]")
    assert weak.execute("SELECT COUNT(*) FROM secret").fetchval() == 0
    assert "(229)" in _fails(weak, "INSERT secret VALUES (1)")
    assert "(262)" in _fails(weak, "CREATE TABLE mine (a int)")
    weak.close()
    connection.execute(f"DROP USER [{login}]; DROP LOGIN [{login}]")


def test_sqlalchemy_creates_fills_and_reads_tables(
    connection: pyodbc.Connection, instance: Instance, driver: str, database: str
) -> None:
    url = "mssql+pyodbc:///?odbc_connect=" + quote_plus(
        connection_string(instance, driver=driver, database=database)
    )
    engine = sa.create_engine(url)
    metadata = sa.MetaData()
    people = sa.Table(
        "people",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), nullable=False, index=True),
        sa.Column("seen", sa.DateTime),
        sa.Column("active", sa.Boolean, server_default=sa.true()),
    )
    notes = sa.Table(
        "notes",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("person", sa.ForeignKey(people.c.id)),
    )
    metadata.create_all(engine)
    metadata.create_all(engine)
    seen = datetime.datetime(2024, 1, 2, 3, 4, 5)
    with engine.begin() as work:
        assert work.execute(people.insert().values(name="ann", seen=seen)).inserted_primary_key == (1,)
        given = work.execute(
            people.insert().returning(people.c.id), [{"name": "bob"}, {"name": "cy"}]
        ).scalars()
        assert sorted(given) == [2, 3]
        work.execute(notes.insert().values(person=1))
    with engine.connect() as work:
        work.execute(people.update().values(name="x"))
        work.rollback()
        query = (
            sa.select(people.c.name, people.c.seen, people.c.active)
            .join(notes)
            .order_by(people.c.id)
            .limit(5)
        )
        assert work.execute(query).all() == [("ann", seen, True)]
        with pytest.raises(sa.exc.IntegrityError):
            work.execute(notes.insert().values(person=99))
        work.rollback()
    assert sorted(sa.inspect(engine).get_table_names()) == ["notes", "people"]
    metadata.drop_all(engine)
    engine.dispose()
