"""JSON lines of a data set, and the content id that follows from them."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from telemetry.dataset.rows import DatasetRow

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DatasetRow).decode


def json_lines(rows: Iterable[DatasetRow]) -> bytes:
    """Return one object a line, its fields in the order of the columns, without spaces, in UTF-8."""
    return b"".join(_encode(row) + b"\n" for row in rows)


def read_lines(lines: bytes) -> list[DatasetRow]:
    """Return the rows of JSON lines; raise ``msgspec.DecodeError`` if they are not of this program's columns."""
    return [_decode(line) for line in lines.splitlines()]


def content_id(lines: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of the lines of all splits, in the order of the splits.

    It depends only on the rows, not on the program that writes Parquet.
    """
    hashed = hashlib.sha256()
    for own in lines.values():
        hashed.update(own)
    return hashed.hexdigest()
