"""Content: all files of a data set as bytes, made from a snapshot alone."""

import hashlib
from collections.abc import Mapping

import msgspec

from telemetry.dataset.card import CARD, dataset_card
from telemetry.dataset.croissant import CROISSANT, croissant
from telemetry.dataset.lines import content_id, json_lines
from telemetry.dataset.manifest import DATASET_MANIFEST, About, DatasetManifest, ManifestWindow
from telemetry.dataset.parquet_files import WRITER, parquet_file
from telemetry.dataset.places import SUMS, data_path
from telemetry.dataset.snapshot import Snapshot
from telemetry.dataset.splits import by_split


def dataset_files(snapshot: Snapshot, about: About) -> tuple[DatasetManifest, dict[str, bytes]]:
    """Return the manifest, and the files by their place in the folder, in the order to write them.

    The same snapshot gives the same bytes with the same version of pyarrow.
    """
    splits = by_split(snapshot.rows)
    lines = {split: json_lines(rows) for split, rows in splits.items()}
    manifest = DatasetManifest(
        content_id=content_id(lines),
        complete_up_to=snapshot.complete_up_to,
        windows=[ManifestWindow.of(window) for window in snapshot.windows],
        rows={split: len(rows) for split, rows in splits.items()},
        decision_voices=snapshot.decision_voices,
        unnamed=dict(snapshot.unnamed),
        left_out=snapshot.left_out,
        about=about,
        writer=WRITER,
    )
    files = {DATASET_MANIFEST: msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"}
    for split, rows in splits.items():
        files[data_path(split, "parquet")] = parquet_file(rows)
        files[data_path(split, "jsonl")] = lines[split]
    files[CROISSANT] = croissant(manifest, files)
    files[CARD] = dataset_card(manifest)
    return manifest, files | {SUMS: _sums(files)}


def _sums(files: Mapping[str, bytes]) -> bytes:
    """Return the digests of the files, as `sha256sum -c` reads them."""
    return b"".join(
        f"{hashlib.sha256(content).hexdigest()}  {place}\n".encode() for place, content in sorted(files.items())
    )
