"""Tables: rows of a document as CSV, one line each."""

import csv
import io
from typing import Any, get_args

import msgspec


def csv_table(document: msgspec.Struct) -> bytes:
    """Return the rows of a document, with the names of the columns in the first line.

    Labels and amounts have a column each; what has parts of its own is JSON in its column.
    """
    rows = [_flat(row) for row in msgspec.to_builtins(document)["rows"]]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else _columns(type(document)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _columns(kind: type[msgspec.Struct]) -> list[str]:
    """Return the columns where no row says which labels and amounts there are."""
    (rows,) = (field.type for field in msgspec.structs.fields(kind) if field.name == "rows")
    (row,) = get_args(rows)
    return [field.name for field in msgspec.structs.fields(row)]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict) and not any(isinstance(part, dict) for part in value.values()):
            flat |= value
        else:
            flat[name] = msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value
    return flat
