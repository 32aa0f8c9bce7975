"""Loads a data set with one program after the other: ``loaders.py DIR OUT`` writes to OUT/<program>-<split>.jsonl.

``loaders.py DIR OUT by_pandas`` loads it with that one alone.

It runs in the environment of `make test-dataset` and imports nothing of the service. Each program's own types become
those of JSON: that is all that happens to the values.
"""

import datetime
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

SPLITS = ("train", "test")
Rows = Iterable[dict[str, Any]]


def by_datasets(folder: Path, split: str) -> Rows:
    import datasets  # noqa: PLC0415 - each program is loaded when it is its turn

    return list(datasets.load_dataset(str(folder))[split])


def by_pandas(folder: Path, split: str) -> Rows:
    import pandas as pd  # noqa: PLC0415 - the same

    frame = pd.read_parquet(folder / "data" / f"{split}.parquet")
    return [
        {name: None if pd.api.types.is_scalar(value) and pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def by_duckdb(folder: Path, split: str) -> Rows:
    import duckdb  # noqa: PLC0415 - the same

    found = duckdb.read_parquet(f"{folder}/data/{split}.parquet")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def by_polars(folder: Path, split: str) -> Rows:
    import polars  # noqa: PLC0415 - the same

    rows: list[dict[str, Any]] = polars.read_parquet(folder / "data" / f"{split}.parquet").to_dicts()
    return rows


def by_mlcroissant(folder: Path, split: str) -> Rows:
    import mlcroissant  # noqa: PLC0415 - the same

    records = mlcroissant.Dataset(jsonld=folder / "croissant.json").records(split)
    return [{name.removeprefix(f"{split}/"): value for name, value in record.items()} for record in records]


LOADERS: tuple[Callable[[Path, str], Rows], ...] = (by_datasets, by_pandas, by_duckdb, by_polars, by_mlcroissant)


def as_json(value: Any) -> Any:
    """Return a value of any of the programs as the JSON lines have it."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [as_json(one) for one in value] if isinstance(value, list | tuple) else value


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    for load in LOADERS:
        for split in SPLITS if load.__name__ in (sys.argv[3:] or load.__name__) else ():
            lines = [
                json.dumps({name: as_json(value) for name, value in row.items()}, separators=(",", ":"))
                for row in load(folder, split)
            ]
            (out / f"{load.__name__}-{split}.jsonl").write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
