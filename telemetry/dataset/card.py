"""The card of a data set: ``README.md``, whose head `datasets.load_dataset` reads its configuration from."""

import json
from collections.abc import Iterable

from telemetry.dataset import facts
from telemetry.dataset.licences import licence_address, licence_tags
from telemetry.dataset.manifest import DatasetManifest
from telemetry.dataset.places import data_path
from telemetry.dataset.rows import DATASET_COLUMNS, DatasetColumn
from telemetry.published.promise import NOT_PROMISED, promise
from telemetry.wording import amount

CARD = "README.md"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
_LARGEST = "100K<n<1M"
_TYPES = {"text": "text", "day": "date", "integer": "integer", "real": "number"}


def dataset_card(manifest: DatasetManifest) -> bytes:
    """Return the card, with everything that a reader needs to judge the data set."""
    counted = installations(manifest.threshold)
    lines = [
        *_head(manifest),
        f"# {facts.TITLE}",
        facts.DESCRIPTION.format(threshold=counted),
        *_content(manifest),
        "## Uses",
        "It is made for",
        _items(facts.USES),
        "It is not made for",
        _items(facts.NOT_FOR),
        *_structure(manifest),
        "## How it is collected",
        facts.COLLECTION,
        "How events become rows:",
        _items(sentence.format(threshold=counted) for sentence in facts.PROCESSING),
        "## Who is in it, and who is not",
        facts.WHO_IS_IN,
        "Not in it are",
        _items(line.format(threshold=counted) for line in facts.WHO_IS_NOT),
        *_thresholds(manifest),
        "## Personal information",
        facts.PERSONAL.format(threshold=counted),
        "## Biases and limitations",
        _items((*facts.BIASES, *facts.LIMITATIONS)),
        facts.SOCIAL_IMPACT,
        *_versions(manifest),
        *_licence(manifest),
    ]
    return ("\n\n".join(lines) + "\n").encode()


def installations(number: int) -> str:
    """Return an amount of installations in words."""
    return amount(number, "installation")


def _head(manifest: DatasetManifest) -> list[str]:
    rows = sum(manifest.rows.values())
    size = next((name for end, name in _SIZES if rows < end), _LARGEST)
    files = [f"  - split: {split}\n    path: {data_path(split, 'parquet')}" for split in manifest.rows]
    lines = [
        "---",
        f"pretty_name: {json.dumps(facts.TITLE)}",
        *(f"{name}: {json.dumps(value)}" for name, value in licence_tags(manifest.about.licence).items()),
        "task_categories:\n- tabular-classification\n- tabular-regression",
        "tags:\n- tabular\n- telemetry\n- code\n- croissant",
        f"size_categories:\n- {size}",
        "configs:\n- config_name: default\n  data_files:",
        *files,
        "---",
    ]
    return ["\n".join(lines)]


def _content(manifest: DatasetManifest) -> list[str]:
    first, last = manifest.windows[0], manifest.windows[-1]
    rows = [
        ("version", manifest.version),
        ("complete up to", manifest.complete_up_to),
        ("windows of four weeks", f"{len(manifest.windows)}, from {first.start} to {last.last_day}"),
        *((f"rows for {split}", f"{number:,}") for split, number in manifest.rows.items()),
        ("voices of decisions", f"{manifest.decision_voices:,}"),
        ("content id", f"`{manifest.content_id}`"),
        ("Parquet written by", manifest.writer),
        *([("published by", _cell(manifest.about.creator))] if manifest.about.creator else []),
        *([("home", manifest.about.url)] if manifest.about.url else []),
    ]
    return [_table(("what", "value"), rows)]


def _structure(manifest: DatasetManifest) -> list[str]:
    splits = " and ".join(f"`{split}`" for split in manifest.rows)
    return [
        "## Structure",
        f"The splits here are {splits}: a fifth of all signatures is for testing, by a hash of the signature alone. A "
        "signature stays in its split in all versions, and in all its categories. `data/` has each split as Parquet "
        "and as JSON lines, with the same rows in the same order.",
        "Category and signature or rule name a row. Lists of one name belong together: the second share is that of the "
        "second label. `other` stands for labels of too few installations.",
        _table(
            ("column", "type", "meaning"),
            ((f"`{one.name}`", _type(one), one.description) for one in DATASET_COLUMNS),
        ),
    ]


def _type(column: DatasetColumn) -> str:
    return f"list of {_TYPES[column.kind]}s" if column.is_list else _TYPES[column.kind]


def _thresholds(manifest: DatasetManifest) -> list[str]:
    shares = (f"`{series}`: at least {share:.1%} of the voices" for series, share in manifest.unnamed.items())
    return [
        "## Thresholds, and what is withheld",
        promise(manifest.threshold),
        "Not promised:",
        _items(NOT_PROMISED),
        "What these thresholds leave in `other`, and out of this data set, by series of public numbers:",
        _items(shares),
    ]


def _versions(manifest: DatasetManifest) -> list[str]:
    again = [f"{one.start} (made {one.generation} times)" for one in manifest.windows if one.generation > 1]
    left_out = [f"{number} of kind {kind}" for kind, number in manifest.left_out.items()]
    return [
        "## Versions",
        facts.MAINTENANCE,
        f"To make this version again, run `telemetry export dataset DIR --to {manifest.complete_up_to}`. To see that "
        "no byte has changed, run `sha256sum -c SHA256SUMS`. The content id is the SHA-256 of the JSON lines of the "
        f"splits one after the other: `cat {' '.join(data_path(split, 'jsonl') for split in manifest.rows)} | "
        "sha256sum`.",
        *([f"Windows that were made again after an installation was excluded: {', '.join(again)}."] if again else []),
        *([f"Labels that are hidden since and left out here: {', '.join(left_out)}."] if left_out else []),
    ]


def _licence(manifest: DatasetManifest) -> list[str]:
    licence, creator = manifest.about.licence, manifest.about.creator or "the operator of the service"
    said = (
        f"[{_cell(licence)}]({licence_address(licence)})"
        if licence
        else "The operator has not chosen a licence: ask before you pass it on."
    )
    cited = f"{facts.TITLE}, version {manifest.version}, published by {_cell(creator)}."
    return ["## Licence and citation", said, f"Cite it as: {cited}"]


def _items(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    every = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in every)


def _cell(text: str) -> str:
    """Return a text of the operator's, escaped so that it cannot change the card around it."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("[", "\\[").replace("<", "&lt;")
