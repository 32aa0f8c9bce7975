"""``croissant.json``: the data set as Croissant 1.1 describes it, with the fields for responsible AI."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from telemetry.dataset import facts
from telemetry.dataset.card import installations
from telemetry.dataset.licences import licence_address
from telemetry.dataset.manifest import DatasetManifest
from telemetry.dataset.places import data_path
from telemetry.dataset.rows import DATASET_COLUMNS, DatasetColumn

CROISSANT = "croissant.json"
_CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_TYPES = {"text": "sc:Text", "day": "sc:Date", "integer": "sc:Integer", "real": "sc:Float"}
# The terms of Croissant without a prefix; all others are terms of schema.org.
_TERMS = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject",
    "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
    "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
    "source", "subField", "transform",
)  # fmt: skip
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "description": {"@container": "@language"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}


def croissant(manifest: DatasetManifest, files: Mapping[str, bytes]) -> bytes:
    """Return the description, with the digests of ``files``: the splits' files by place."""
    document = {"@context": _CONTEXT, "@type": "sc:Dataset", **_about(manifest), **_responsibility(manifest)}
    document["distribution"] = [_file(split, files[data_path(split, "parquet")]) for split in manifest.rows]
    document["recordSet"] = [_records(split) for split in manifest.rows]
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def _about(manifest: DatasetManifest) -> dict[str, Any]:
    about = manifest.about
    counted = installations(manifest.threshold)
    optional: dict[str, Any] = {
        "license": licence_address(about.licence) if about.licence else "",
        "url": about.url,
        "creator": {"@type": "sc:Organization", "name": about.creator} if about.creator else None,
    }
    return {
        "name": facts.DATASET_NAME,
        "description": facts.DESCRIPTION.format(threshold=counted),
        "conformsTo": _CONFORMS_TO,
        **{name: value for name, value in optional.items() if value},
        "datePublished": manifest.complete_up_to,
        "version": manifest.version,
        "keywords": ["code patterns", "calibration", "telemetry"],
        "citeAs": f"{facts.TITLE}, version {manifest.version}, content id {manifest.content_id}",
    }


def _responsibility(manifest: DatasetManifest) -> dict[str, Any]:
    counted = installations(manifest.threshold)
    withheld = ", ".join(f"{share:.1%} of {series}" for series, share in manifest.unnamed.items())
    return {
        "rai:dataCollection": facts.COLLECTION,
        "rai:dataCollectionType": ["Software Collection"],
        "rai:dataCollectionMissingData": f"Withheld because too few installations were there: {withheld}.",
        "rai:dataCollectionRawData": "Anonymous events, which are kept for a limited time and are not published.",
        "rai:dataCollectionTimeframe": [manifest.windows[0].start, manifest.complete_up_to],
        "rai:dataPreprocessingProtocol": [one.format(threshold=counted) for one in facts.PROCESSING],
        "rai:dataAnnotationProtocol": ["Approval is what users decided about patterns that the tool showed them."],
        "rai:annotationsPerItem": f"{manifest.decision_voices} voices over all categories and steps of confidence.",
        "rai:annotatorDemographics": [facts.WHO_IS_IN, "Nothing else is known about them."],
        "rai:dataBiases": list(facts.BIASES),
        "rai:dataLimitations": [
            *facts.LIMITATIONS,
            *(f"Not in it: {one.format(threshold=counted).rstrip(';.')}." for one in facts.WHO_IS_NOT),
        ],
        "rai:dataUseCases": [
            *(f"Made for {one.rstrip(';.')}." for one in facts.USES),
            *(f"Not made for {one.rstrip(';.')}." for one in facts.NOT_FOR),
        ],
        "rai:personalSensitiveInformation": [facts.PERSONAL.format(threshold=counted)],
        "rai:dataSocialImpact": facts.SOCIAL_IMPACT,
        "rai:dataReleaseMaintenancePlan": facts.MAINTENANCE,
    }  # fmt: skip


def _file(split: str, content: bytes) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": f"{split}-file",
        "name": f"{split}-file",
        "description": f"The rows of the split {split}.",
        "contentUrl": data_path(split, "parquet"),
        "contentSize": f"{len(content)} B",
        "encodingFormat": "application/x-parquet",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _records(split: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"The signatures of the split {split}.",
        "field": [_field(split, column) for column in DATASET_COLUMNS],
    }


def _field(split: str, column: DatasetColumn) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{split}/{column.name}",
        "name": column.name,
        "description": column.description,
        "dataType": _TYPES[column.kind],
        **({"isArray": True, "arrayShape": "-1"} if column.is_list else {}),
        "source": {"fileObject": {"@id": f"{split}-file"}, "extract": {"column": column.name}},
    }
