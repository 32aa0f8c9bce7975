"""The fields of events: their JSON types, ranges and the shapes that the schema documents. Limits are the wire's."""

from typing import Annotated

from msgspec import Meta

from telemetry.catalogue.documents import INTEGER_MAX
from telemetry.catalogue.shapes import (
    FRAMEWORK_PATTERN,
    INSTALLATION_ID_PATTERN,
    LABEL_PATTERN,
    SIGNATURE_HASH_PATTERN,
    TEXT_LENGTH_MAX,
)
from telemetry.catalogue.timestamps import TIMESTAMP_LENGTH_MAX, TIMESTAMP_PATTERN
from telemetry.catalogue.versions import VERSION_PATTERN

LABELS_MAX = 100


def _text(pattern: str, description: str, length_min: int = 1) -> Meta:
    # The pattern is only documentation: msgspec would match it for each string, which costs more than all other checks.
    schema = {"pattern": f"^(?:{pattern})$"}
    return Meta(min_length=length_min, max_length=TEXT_LENGTH_MAX, description=description, extra_json_schema=schema)


def _rare_text(pattern: str, description: str) -> Meta:
    # Matched by msgspec: most events do not have the field. A `$` alone would let a trailing line feed through.
    return Meta(pattern=rf"^(?:{pattern})$(?!\n)", max_length=TEXT_LENGTH_MAX, description=description)


Timestamp = Annotated[
    str,
    Meta(
        max_length=TIMESTAMP_LENGTH_MAX,
        description="RFC 3339; the clients of today send UTC with milliseconds.",
        extra_json_schema={"format": "date-time", "pattern": f"^(?:{TIMESTAMP_PATTERN})$"},
    ),
]
InstallationId = Annotated[str, _text(INSTALLATION_ID_PATTERN, "A random UUID, or `unknown`.")]
Version = Annotated[str, _text(VERSION_PATTERN, "The version of Drift that recorded the event.")]
Label = Annotated[str, _text(LABEL_PATTERN, "A short name without spaces.")]
Language = Annotated[str, _text(f"(?:{LABEL_PATTERN})?", "A language, or the extension of its files; may be empty.", 0)]
Framework = Annotated[str, _text(FRAMEWORK_PATTERN, "A short name without spaces.")]
Count = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Share = Annotated[float, Meta(ge=0, le=1)]
Duration = Count | Annotated[float, Meta(ge=0, le=INTEGER_MAX)]
Labels = Annotated[list[Label], Meta(max_length=LABELS_MAX)]
CountByLabel = Annotated[dict[Label, Count], Meta(max_length=LABELS_MAX)]
SignatureHash = Annotated[str, _text(SIGNATURE_HASH_PATTERN, "SHA-256 of the pattern, cut short.")]
PatternId = Annotated[
    str, _rare_text("[A-Z][A-Z0-9]{0,15}(?:-[A-Z0-9]{1,16}){1,3}", "The public name of a rule: `SEC-XSS-001`.")
]
# At most four words that begin with a letter: no address or host name has this shape.
Word = Annotated[str, _rare_text("[a-z][a-z0-9]*(?:[_-][a-z][a-z0-9]*){0,3}", "A name in lower case.")]
# One word each, and perhaps a number after an underscore, as in x86_64: no host, path or address has this shape.
_WORD = "[A-Za-z][A-Za-z0-9]{0,15}"
Platform = Annotated[
    str, _rare_text(f"{_WORD}(?:/{_WORD}(?:_[0-9]{{2}})?)?", "Operating system and architecture: `linux/x86_64`.")
]
Context = Annotated[str, _rare_text("[a-z]{1,16}", "Who runs the tool: `human`, `ci` or `agent`.")]
