"""What the history of runs keeps: the latest runs whole, of older ones what the state of a day rests upon.

Dagster removes runs one by one, with the events that say which days are materialised. Here an event of an old run
stays while it is the latest of its asset and day, and the run stays while an event of it does. Works on the SQLite
files of dagster.yaml; a history in another database is left alone.
"""

from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import text

SUPERSEDED = """
    event_logs.run_id = :run_id and (
        coalesce(event_logs.dagster_event_type, '') not in (
            'ASSET_MATERIALIZATION', 'ASSET_MATERIALIZATION_PLANNED', 'ASSET_OBSERVATION'
        )
        or exists (
            select 1 from event_logs as newer
            where newer.asset_key = event_logs.asset_key
                and newer.partition is event_logs.partition
                and newer.dagster_event_type in ('ASSET_MATERIALIZATION', event_logs.dagster_event_type)
                and newer.id > event_logs.id
        )
    )"""
# a plan without a later materialization is what tells a failed day from one that was never tried

PRUNE_EVENTS = (
    f"delete from asset_event_tags where event_id in (select id from event_logs where {SUPERSEDED})",
    f"delete from event_logs where {SUPERSEDED}",
    """delete from asset_check_executions as older where older.run_id = :run_id and exists (
        select 1 from asset_check_executions as newer
        where newer.asset_key = older.asset_key
            and newer.check_name = older.check_name
            and (
                older.execution_status = 'PLANNED'
                -- a plan that was never carried out says nothing new
                or (newer.partition is older.partition and newer.execution_status <> 'PLANNED')
            )
            and newer.id > older.id
    )""",
)
REFERENCES = """
    select (select count(*) from event_logs where run_id = :run_id)
        + (select count(*) from asset_check_executions where run_id = :run_id)"""


def prune_history(instance: dg.DagsterInstance, keep: int, current_run_id: str) -> int:
    """Apply the retention of runs; nothing happens to runs that have not ended.

    Safe at any moment: each step may be done again, and the run is forgotten last, so that a prune that was killed
    is taken up by the next one. SQLite hands the freed pages to the next events; the files do not shrink.

    Parameters
    ----------
    instance : dagster.DagsterInstance
    keep : int
        Runs that stay whole, the current one among them; 0 keeps all.
    current_run_id : str
        The run that is about to end.

    Returns
    -------
    int
        Runs that lost their log, or were forgotten.
    """
    storage = instance.event_log_storage
    if not keep or not isinstance(storage, SqliteEventLogStorage):
        return 0
    ended = instance.get_runs(filters=dg.RunsFilter(statuses=list(FINISHED_STATUSES)))
    old = [run.run_id for run in ended if run.run_id != current_run_id][keep - 1 :]
    return sum(_prune_run(instance, storage, run_id) for run_id in old)


def _prune_run(instance: dg.DagsterInstance, storage: SqliteEventLogStorage, run_id: str) -> bool:
    """Prune one run; whether there was anything to do."""
    shard = Path(storage.path_for_shard(run_id))
    is_whole = shard.exists()
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    for path in (shard, shard.with_name(f"{shard.name}-wal"), shard.with_name(f"{shard.name}-shm")):
        path.unlink(missing_ok=True)
    with storage.index_connection() as connection:
        for statement in PRUNE_EVENTS:
            connection.execute(text(statement), {"run_id": run_id})
        references: int = connection.execute(text(REFERENCES), {"run_id": run_id}).scalar_one()
    if not references:
        instance.run_storage.delete_run(run_id)
    return is_whole or not references
