"""The warehouse's file: its storage, and who else may open it."""

import duckdb

from leap_assets.warehouse.connections import STORAGE_VERSION, open_for_writing


def storage_of(connection: duckdb.DuckDBPyConnection) -> str:
    return str(
        connection.execute(
            "select tags['storage_version'] from duckdb_databases() where database_name = current_database()"
        ).fetchall()[0][0]
    )


def test_a_new_file_has_the_newest_storage_and_needs_no_setting_to_be_opened_again(tmp_path):
    path = tmp_path / "leap.duckdb"
    with open_for_writing(path) as connection, duckdb.connect(str(path)) as other:
        assert storage_of(connection) == storage_of(other) == f"{STORAGE_VERSION}+"
    with duckdb.connect(str(path)) as before, open_for_writing(path) as connection:
        assert storage_of(connection) == storage_of(before)


def test_a_file_of_an_older_storage_keeps_it_and_its_rows(tmp_path):
    path = tmp_path / "leap.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table numbers as from range(3)")
    with open_for_writing(path) as connection:
        assert storage_of(connection) == "v1.0.0+"
        assert connection.execute("from numbers order by 1").fetchall() == [(0,), (1,), (2,)]
