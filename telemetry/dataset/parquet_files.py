"""The Parquet files of a data set; needs the extra ``parquet``."""

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from telemetry.dataset.rows import DATASET_COLUMNS, DatasetRow

WRITER = f"pyarrow {pa.__version__}"
"""The program that writes the files: another version may write other bytes for the same rows."""
_TYPES = {"text": pa.string(), "day": pa.date32(), "integer": pa.int64(), "real": pa.float64()}
_SCHEMA = pa.schema(
    [
        (column.name, pa.list_(_TYPES[column.kind]) if column.is_list else _TYPES[column.kind])
        for column in DATASET_COLUMNS
    ]
)


def parquet_file(rows: Sequence[DatasetRow]) -> bytes:
    """Return a file of one row group, compressed with Zstandard."""
    columns = {column.name: [getattr(row, column.name) for row in rows] for column in DATASET_COLUMNS}
    stream = io.BytesIO()
    pq.write_table(pa.table(columns, schema=_SCHEMA), stream, compression="zstd", row_group_size=max(1, len(rows)))
    return stream.getvalue()
