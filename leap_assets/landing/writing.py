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

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from leap_assets.landing.contracts import CONTRACTS, Column, Contract
from leap_assets.simulation import Coded, DeliveryDay, LogDay
from leap_assets.simulation.coded import are_uuids, compact, take_rows
from leap_assets.simulation.streams import spell_uuids

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
    n = len(rows)
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
_ROWS_AT_ONCE = 2**17
# their texts and the parts of their texts take some 200 MB
_ROW_GROUP = 2**20
# rows of a Parquet row group: Arrow's own limit
_TO_ESCAPE = {"ndjson": r'["\\\x00-\x1f]', "csv": r'[,"\r\n]'}


def _decimals(values: np.ndarray, digits: int) -> pa.Array:
    whole = pa.array(values, pa.int64()).cast(pa.decimal128(19, 0))
    unit = pa.scalar(Decimal(1).scaleb(-digits), pa.decimal128(digits + 1, digits))
    return pc.multiply(whole, unit).cast(pa.decimal128(18, digits))


def _strings(keys: np.ndarray) -> pa.Array:
    """Keys of `Coded` as texts of Arrow, without a Python object each where they are ASCII and of one length."""
    if are_uuids(keys):
        return _fixed_width(spell_uuids(keys))
    width = keys.dtype.itemsize // 4
    if len(keys) and width:
        characters = np.ascontiguousarray(keys).view(np.uint32).reshape(len(keys), width)
        if characters.max() < 128 and characters.min() > 0:
            return _fixed_width(characters.astype(np.uint8))
    return pa.array(keys.astype(object), pa.string())


def _fixed_width(characters: np.ndarray) -> pa.Array:
    """Texts of Arrow from ASCII characters of shape (texts, width)."""
    n, width = characters.shape
    offsets = np.arange(0, (n + 1) * width, width, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), n, [None, pa.py_buffer(offsets), pa.py_buffer(characters)])


def _write_parquet(path: Path, contract: Contract, rows: LogDay) -> None:
    required = [column.name for column in contract.columns if column.required]
    missing = rows.good_rows + np.flatnonzero(rows.defect_kinds == "missing_field")
    emptied = {name: missing[nth :: len(required)] for nth, name in enumerate(required)}
    fields = []
    for column in contract.columns:
        values = rows.columns[column.name]
        if isinstance(values, Coded):
            kind = pa.dictionary(pa.int32(), pa.string())
        elif column.type == "timestamp":
            kind = pa.timestamp("us", tz="UTC")
        else:
            kind = pa.from_numpy_dtype(values.dtype)
        fields.append(pa.field(column.name, kind))
    schema = pa.schema(fields)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for begin in range(0, len(rows), _ROW_GROUP):
            end = min(begin + _ROW_GROUP, len(rows))
            group = take_rows(rows.columns, slice(begin, end))
            if len(rows) > _ROW_GROUP:
                # each row group would hash all texts of the log
                group = compact(group)
            arrays = []
            for field in schema:
                values = group[field.name]
                holes = emptied.get(field.name, missing[:0])
                is_null = np.zeros(end - begin, bool)
                is_null[holes[(holes >= begin) & (holes < end)] - begin] = True
                if isinstance(values, Coded):
                    is_null |= values.codes < 0
                    indices = pa.array(values.codes, mask=is_null if is_null.any() else None)
                    arrays.append(pa.DictionaryArray.from_arrays(indices, _strings(values.keys)))
                else:
                    if values.dtype.kind == "M":
                        values = values.astype("datetime64[us]")
                    arrays.append(pa.array(values, field.type, mask=is_null if is_null.any() else None))
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=_ROW_GROUP)


def _write_text(path: Path, contract: Contract, rows: LogDay) -> None:
    """Good lines go out as Arrow buffers, some at a time; only the damaged ones pass through Python."""
    to_line = _json_lines if contract.simulator_writes == "ndjson" else _csv_lines
    damage = _damage_json if contract.simulator_writes == "ndjson" else _damage_csv
    texts = {
        column.name: _Texts(contract, column, rows.columns[column.name])
        for column in (*contract.columns, *contract.properties)
        if column.type != "object"
    }
    defects = [*rows.defect_kinds.tolist()]
    with path.open("wb") as file:
        if contract.simulator_writes == "csv":
            file.write((",".join(contract.names) + "\n").encode())
        for begin in range(0, len(rows), _ROWS_AT_ONCE):
            end = min(begin + _ROWS_AT_ONCE, len(rows))
            lines = to_line(contract, texts, np.arange(begin, end))
            good = min(max(rows.good_rows - begin, 0), end - begin)
            file.write(_text_bytes(lines.slice(0, good)))
            for nth, text in enumerate(lines.slice(good).to_pylist(), start=begin + good):
                kind = defects[nth - rows.good_rows]
                file.write(
                    damage(contract, kind, text[:-1], nth) + b"\n" if kind in _DAMAGE else text.encode()
                )


def _text_bytes(lines: pa.Array) -> memoryview:
    """The texts of an Arrow array one behind the other."""
    if not len(lines):
        return memoryview(b"")
    _, offsets, data = lines.buffers()
    bounds = np.frombuffer(offsets, np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(data)[bounds[0] : bounds[-1]]


class _Texts:
    """A column as the texts that stand in the lines of its log, in parts of its rows."""

    def __init__(self, contract: Contract, column: Column, values: np.ndarray | Coded) -> None:
        self._writes = contract.simulator_writes
        self._column = column
        self._values = values
        self._distinct: pa.Array | None = None
        if isinstance(values, Coded) and len(values.keys) <= _ROWS_AT_ONCE:
            self._distinct = self._texts(values.keys)

    def of(self, rows: np.ndarray) -> pa.Array:
        """The texts of some rows."""
        if isinstance(self._values, Coded):
            codes = self._values.codes[rows]
            is_null = codes < 0
            mask = is_null if is_null.any() else None
            if self._distinct is not None:
                return self._distinct.take(pa.array(codes, mask=mask))
            texts = self._texts(self._values.keys[codes])
            return texts if mask is None else pc.if_else(pa.array(~mask), texts, pa.scalar(None, pa.string()))
        values = self._values[rows]
        if self._column.type == "timestamp":
            times = pa.array(values.astype("datetime64[us]"), pa.timestamp("us")).cast(pa.string())
            return self._quote(pc.binary_replace_slice(times, 10, 11, "T"), "Z")
        if self._column.type == "date":
            return self._quote(pa.array(values.astype("datetime64[D]")).cast(pa.string()))
        if digits := _FRACTION_DIGITS.get(self._column.type):
            if self._writes == "ndjson":
                # the nearest double has the shortest text, and a whole one of it ".0" as DuckDB writes it
                unit = 10**digits
                texts = pa.array(values / unit).cast(pa.string())
                fraction = pa.array(np.where(values % unit == 0, ".0", "").astype(object), pa.string())
                return pc.binary_join_element_wise(texts, fraction, "")
            return _decimals(values, digits).cast(pa.string())
        return pa.array(values).cast(pa.string())

    def _quote(self, texts: pa.Array, end: str = "") -> pa.Array:
        if self._writes == "csv":
            return pc.binary_join_element_wise(texts, end, "") if end else texts
        return pc.binary_join_element_wise('"', texts, f'{end}"', "")

    def _texts(self, keys: np.ndarray) -> pa.Array:
        """Keys of `Coded` as they stand in the lines."""
        texts = _strings(keys)
        # there is nothing to escape in a uuid
        return self._quote(texts) if are_uuids(keys) else self._escape(texts)

    def _escape(self, texts: pa.Array) -> pa.Array:
        """Quote texts as the log's format wants it."""
        special = pc.match_substring_regex(texts, _TO_ESCAPE[self._writes])
        if not pc.any(special).as_py():
            return self._quote(texts)
        if self._writes == "ndjson":
            return pa.array([json.dumps(text, ensure_ascii=False) for text in texts.to_pylist()], pa.string())
        doubled = pc.replace_substring(texts, '"', '""')
        return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


def _joined(parts: Sequence[pa.Array | str], null: str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement=null)


def _json_object(texts: Mapping[str, pa.Array], end: str = "") -> pa.Array:
    parts: list[pa.Array | str] = []
    for name, column in texts.items():
        parts += [f'{"," if parts else "{"}"{name}":', column]
    return _joined([*parts, "}" + end], "null")


def _json_lines(contract: Contract, texts: Mapping[str, _Texts], rows: np.ndarray) -> pa.Array:
    return _json_object(
        {
            column.name: _properties_json(contract, texts, rows)
            if column.type == "object"
            else texts[column.name].of(rows)
            for column in contract.columns
        },
        end="\n",
    )


def _properties_json(contract: Contract, texts: Mapping[str, _Texts], rows: np.ndarray) -> pa.Array:
    """The objects of properties that the lines' event types have."""
    types = texts[str(contract.event_type)].of(rows).dictionary_encode()
    codes = types.indices.to_numpy()
    parts, places = [], []
    for code, event_type in enumerate(types.dictionary.to_pylist()):
        place = np.flatnonzero(codes == code)
        own = [column.name for column in contract.properties if json.loads(event_type) in column.events]
        objects = (
            _json_object({name: texts[name].of(rows[place]) for name in own})
            if own
            else pa.repeat("{}", len(place))
        )
        parts.append(objects)
        places.append(place)
    # back into the order of the rows
    order = np.empty(len(rows), np.int64)
    order[np.concatenate(places)] = np.arange(len(rows))
    return pa.concat_arrays(parts).take(pa.array(order))


def _csv_lines(contract: Contract, texts: Mapping[str, _Texts], rows: np.ndarray) -> pa.Array:
    parts: list[pa.Array | str] = []
    for column in contract.columns:
        parts += [*([","] if parts else []), texts[column.name].of(rows)]
    return _joined([*parts, "\n"], "")


def _pick(contract: Contract, nth: int, *, typed: bool, event_type: str | None = None) -> str:
    """A column or property of a line to damage, another one for each line."""
    if typed:
        names = [c.name for c in contract.columns if c.required and c.type not in ("id", "text", "double")]
        names += [
            c.name for c in contract.properties if event_type in c.events and c.type not in ("id", "text")
        ]
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
