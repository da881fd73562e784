"""Writing a delivery of the simulated world into landing/: whole files, by rename, in each log's own format.

The simulator says which rows are injected defects; the damage to the text is done here, where the text is made.
Only files that this module wrote before are ever replaced.
"""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from leap_assets.landing.contracts import CONTRACTS, Column, Contract
from leap_assets.landing.validation import quote_identifier
from leap_assets.simulation import Coded, DeliveryDay, LogDay

STEM = "simulated"
# the name that tells the simulator's files from everybody else's


def write_delivery(
    landing_dir: Path, delivery: DeliveryDay, logs: Sequence[str] | None = None
) -> dict[str, int]:
    """Write the logs of one simulated delivery day.

    Parameters
    ----------
    landing_dir : Path
    delivery : DeliveryDay
    logs : sequence of str, optional
        Logs to write; all of the delivery when left out.

    Returns
    -------
    dict
        Lines written, by log. A log without a line has no file.
    """
    return {
        log: write_log(landing_dir, delivery.date.isoformat(), log, rows)
        for log, rows in delivery.logs.items()
        if logs is None or log in logs
    }


def write_log(landing_dir: Path, day: str, log: str, rows: LogDay) -> int:
    """Write one log of one delivery day, replacing what the simulator wrote there before; returns its lines."""
    contract = CONTRACTS[log]
    folder = landing_dir / log / day
    path = folder / f"{STEM}.{contract.simulator_writes}"
    n = len(rows.defects)
    if n == 0:
        path.unlink(missing_ok=True)
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f".{path.name}.*.tmp"):
        # of a run that was killed: only one run at a time writes
        left.unlink(missing_ok=True)
    partial = folder / f".{path.name}.{os.getpid()}.tmp"
    try:
        if contract.simulator_writes == "parquet":
            _write_parquet(partial, contract, rows)
        else:
            _write_text(partial, contract, rows)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return n


_FRACTION_DIGITS = {"decimal": 2, "micros": 6}
# the simulator counts money in hundredths, revenue of ads in millionths


def _arrow_column(column: Column, values: np.ndarray | Coded) -> pa.Array:
    if isinstance(values, Coded):
        codes = pa.array(values.codes, mask=values.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(values.values.astype(object), pa.string()))
    if digits := _FRACTION_DIGITS.get(column.type):
        whole = pa.array(values, pa.int64()).cast(pa.decimal128(19, 0))
        unit = pa.scalar(Decimal(1).scaleb(-digits), pa.decimal128(digits + 1, digits))
        return pc.multiply(whole, unit).cast(pa.decimal128(18, digits))
    if column.type == "timestamp":
        return pa.array(values.astype("datetime64[us]"), pa.timestamp("us", tz="UTC"))
    return pa.array(values)


def _arrow_table(contract: Contract, rows: LogDay) -> pa.Table:
    columns = [column for column in (*contract.columns, *contract.properties) if column.type != "object"]
    return pa.table({column.name: _arrow_column(column, rows.columns[column.name]) for column in columns})


def _write_parquet(path: Path, contract: Contract, rows: LogDay) -> None:
    table = _arrow_table(contract, rows)
    missing = np.flatnonzero(rows.defects == "missing_field")
    if len(missing):
        required = [column.name for column in contract.columns if column.required]
        for nth, name in enumerate(required):
            holes = np.zeros(len(table), bool)
            holes[missing[nth :: len(required)]] = True
            if holes.any():
                position = table.schema.get_field_index(name)
                emptied = pc.if_else(
                    pa.array(holes), pa.scalar(None, table.schema.types[position]), table[name]
                )
                table = table.set_column(position, name, emptied)
    pq.write_table(table, path, compression="zstd")


def _write_text(path: Path, contract: Contract, rows: LogDay) -> None:
    """Good lines go out as one Arrow buffer; only the damaged ones pass through Python."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.register("log_rows", _arrow_table(contract, rows))
        line = _json_line(contract) if contract.simulator_writes == "ndjson" else _csv_line(contract)
        lines = connection.sql(f"select {line} || chr(10) as line from log_rows").to_arrow_table()["line"]
    damaged = np.isin(rows.defects, list(_DAMAGE))
    first_damaged = int(np.argmax(damaged)) if damaged.any() else len(damaged)
    damage = _damage_json if contract.simulator_writes == "ndjson" else _damage_csv
    with path.open("wb") as file:
        if contract.simulator_writes == "csv":
            file.write((",".join(contract.names) + "\n").encode())
        for chunk in lines.slice(0, first_damaged).chunks:
            file.write(_text_bytes(chunk))
        for nth in range(first_damaged, len(damaged)):
            text = lines[nth].as_py()
            kind = str(rows.defects[nth])
            file.write(damage(contract, kind, text[:-1], nth) + b"\n" if kind in _DAMAGE else text.encode())


def _text_bytes(chunk: pa.Array) -> bytes:
    """The texts of an Arrow array one behind the other."""
    if not len(chunk):
        return b""
    large = chunk.cast(pa.large_string())
    _, offsets, data = large.buffers()
    bounds = np.frombuffer(offsets, np.int64)[large.offset : large.offset + len(large) + 1]
    return memoryview(data)[bounds[0] : bounds[-1]].tobytes()


def _json_line(contract: Contract) -> str:
    fields = ", ".join(
        f"{quote_identifier(column.name)} := "
        f"{_properties_json(contract) if column.type == 'object' else _text_of(column)}"
        for column in contract.columns
    )
    return f"to_json(struct_pack({fields}))::varchar"


def _properties_json(contract: Contract) -> str:
    """The object of properties that a line's event type has."""
    cases = []
    for event_type in contract.event_types:
        own = [column for column in contract.properties if event_type in column.events]
        fields = ", ".join(f"{column.name} := {_text_of(column)}" for column in own)
        value = f"to_json(struct_pack({fields}))" if own else "'{}'::json"
        cases.append(f"when '{event_type}' then {value}")
    return f"case {contract.event_type} {' '.join(cases)} end"


def _csv_line(contract: Contract) -> str:
    fields = []
    for column in contract.columns:
        text = f"coalesce({_text_of(column)}::varchar, '')"
        quoted = f"'\"' || replace({text}, '\"', '\"\"') || '\"'"
        fields.append(f"case when regexp_matches({text}, '[,\"\\r\\n]') then {quoted} else {text} end")
    return " || ',' || ".join(fields)


def _text_of(column: Column) -> str:
    if column.type == "timestamp":
        return f"strftime(timezone('UTC', {quote_identifier(column.name)}), '%Y-%m-%dT%H:%M:%S.%fZ')"
    if column.type == "date":
        return f"strftime({column.name}, '%Y-%m-%d')"
    return column.name


def _pick(contract: Contract, nth: int, *, typed: bool, event_type: str | None = None) -> str:
    """A column or property of a line to damage, another one for each line."""
    if typed:
        names = [c.name for c in contract.columns if c.required and c.type not in ("text", "double")]
        names += [c.name for c in contract.properties if event_type in c.events and c.type != "text"]
    else:
        names = [c.name for c in contract.columns if c.required]
        names += [c.name for c in contract.properties if event_type in c.required_for]
    return names[nth % len(names)]


def _bad_encoding(text: str) -> bytes:
    data = text.encode()
    middle = len(data) // 2
    # 0xFF is no part of any UTF-8 text
    return data[:middle] + b"\xff" + data[middle:]


def _damage_json(contract: Contract, kind: str, text: str, nth: int) -> bytes:
    match kind:
        case "truncated":
            # at least the closing brace goes, at most all but the opening one
            return text[: 1 + nth % (len(text) - 1)].encode()
        case "bad_encoding":
            return _bad_encoding(text)
    record = json.loads(text)
    if kind == "unknown_event":
        record[contract.event_type] = f"unknown_{record[contract.event_type]}"
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    name = _pick(contract, nth, typed=kind == "wrong_type", event_type=record.get(contract.event_type))
    holder = record if name in record else record["properties"]
    if kind == "missing_field":
        del holder[name]
    else:
        holder[name] = "not-a-value"
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _damage_csv(contract: Contract, kind: str, text: str, nth: int) -> bytes:
    match kind:
        case "truncated":
            # before the last comma, so that a field is missing for certain
            return text[: 1 + nth % text.rindex(",")].encode()
        case "bad_encoding":
            return _bad_encoding(text)
    fields = next(csv.reader([text]))
    value = "" if kind == "missing_field" else "not-a-value"
    fields[contract.names.index(_pick(contract, nth, typed=kind == "wrong_type"))] = value
    record = io.StringIO()
    csv.writer(record, lineterminator="").writerow(fields)
    return record.getvalue().encode()


_DAMAGE: Mapping[str, str] = {
    # defect of the simulator -> reason with which the line must be found
    "truncated": "unparsable",
    "bad_encoding": "unparsable",
    "missing_field": "missing_required",
    "wrong_type": "wrong_type",
    "unknown_event": "unknown_event_type",
}
EXPECTED_REASON: Mapping[str, str] = {
    **_DAMAGE,
    "future_clock": "out_of_window",
    "duplicate": "duplicate",
    "conflicting_duplicate": "conflicting_duplicate",
}

__all__ = ["EXPECTED_REASON", "STEM", "write_delivery", "write_log"]
