"""Rows as Parquet with typed columns; needs the extra ``parquet``."""

from collections.abc import Iterable
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from telemetry.operator_errors import DamagedError
from telemetry.storage.lookup.tables import Column, TableRow

_ROWS_PER_GROUP = 20_000
_MOMENT = pa.timestamp("ms", "UTC")
_TYPES = {
    "text": pa.string(),
    "json": pa.string(),
    "integer": pa.int64(),
    "real": pa.float64(),
    "day": pa.date32(),
    "moment": _MOMENT,
}


class Parquet:
    """Row groups of some ten thousand rows, compressed with Zstandard; days are dates, moments are UTC timestamps."""

    def __init__(self, stream: BinaryIO, columns: Iterable[Column]) -> None:
        self._columns = tuple(columns)
        self._schema = pa.schema([(column.name, _TYPES[column.kind]) for column in self._columns])
        self._writer = pq.ParquetWriter(stream, self._schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0

    def write(self, rows: list[TableRow]) -> None:
        """Write some rows; raise ``OperatorError`` if another program has stored something of another type in them."""
        try:
            arrays = [
                _array(column, list(values))
                for column, values in zip(self._columns, zip(*rows, strict=True), strict=True)
            ]
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DamagedError(f"a value does not fit its column ({error}): export as jsonl or csv") from error
        self._waiting.append(pa.record_batch(arrays, schema=self._schema))
        self._waiting_rows += len(rows)
        if self._waiting_rows >= _ROWS_PER_GROUP:
            self._write_group()

    def close(self) -> None:
        """Write what waits, and the footer."""
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting), row_group_size=self._waiting_rows)
        self._waiting, self._waiting_rows = [], 0


def _array(column: Column, values: list[object]) -> pa.Array:
    if column.kind == "day":
        return pa.array(values, pa.string()).cast(pa.date32())
    if column.kind == "moment":
        # Casting text straight to a timestamp with a zone would demand an offset in it.
        return pa.array(values, pa.string()).cast(pa.timestamp("ms")).cast(pa.int64()).cast(_MOMENT)
    return pa.array(values, _TYPES[column.kind])
