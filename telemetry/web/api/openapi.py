"""OpenAPI 3.1, made from the declarations of the read API and the codes of refusals."""

from typing import Any, get_args, get_origin

import msgspec
from msgspec import UnsetType

from telemetry import __version__
from telemetry.errors import ErrorCode
from telemetry.settings import Settings
from telemetry.web.answers import STATUSES
from telemetry.web.api.declarations import ENDPOINTS, NAME, SUMMARY, Endpoint
from telemetry.web.api.questions import ListedQuestion, Question

OPENAPI_PATH = "/openapi.json"
_COMPONENT = "#/components/schemas/{name}"
_NOT_MODIFIED = {"304": {"description": "The document is the one that If-None-Match names."}}
_ACCEPTING_CODES = (
    ErrorCode.UNSUPPORTED_ENCODING, ErrorCode.BODY_TIMEOUT, ErrorCode.RATE_LIMITED, ErrorCode.BUSY,
    ErrorCode.STORAGE_FULL, ErrorCode.STORAGE_ERROR, ErrorCode.CLOCK,
)  # fmt: skip
_EVENTS_CODES = (ErrorCode.EVENTS_REQUIRED, ErrorCode.TOO_LARGE, *_ACCEPTING_CODES)
_FEEDBACK_CODES = (
    ErrorCode.FEEDBACK_INVALID, ErrorCode.TOO_MANY_RESULTS, ErrorCode.REPORT_TOO_LARGE, ErrorCode.INVALID_JSON,
    ErrorCode.FEEDBACK_TOKEN_INVALID, *_ACCEPTING_CODES,
)  # fmt: skip
_READ_CODES = (ErrorCode.PARAMETER_INVALID, ErrorCode.RATE_LIMITED, ErrorCode.STORAGE_ERROR)


class RefusalDocument(msgspec.Struct):
    """A refusal: a sentence for people, and a code of a closed set."""

    error: str
    code: str


class Receipt(msgspec.Struct, rename="camel"):
    """What became of a batch. ``rejected`` names events that were not stored, by their index."""

    success: bool
    events_processed: int
    rejected: list[dict[str, Any]] = []


class FeedbackReceipt(msgspec.Struct, rename="camel"):
    """What became of a report. ``rejected`` names results that were not stored, by their index."""

    success: bool
    results_processed: int
    rejected: list[dict[str, Any]] = []


class Statistics(msgspec.Struct, rename="camel"):
    """Sums over thirty days. ``labelsAsOf`` is the last day of what is not a count of events by type."""

    period: str
    total_events: int
    metrics: dict[str, int]
    generated_at: str
    active_installations: dict[str, int]
    as_of: str
    labels_as_of: str | None
    folded: dict[str, int]


class Health(msgspec.Struct):
    """Whether events can be stored."""

    status: str
    timestamp: str


def openapi_document() -> bytes:
    """Return the description of every address that programs use."""
    read = (*ENDPOINTS, SUMMARY)
    kinds: list[Any] = [
        *(endpoint.document for endpoint in read),
        *(RefusalDocument, Receipt, FeedbackReceipt, Statistics, Health),
    ]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_COMPONENT)
    references = dict(zip(kinds, schemas, strict=True))
    paths = {endpoint.path: {"get": _read_operation(endpoint, references)} for endpoint in read}
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Drift telemetry",
            "version": __version__,
            "summary": "Anonymous telemetry of Drift, and the numbers that are made of it.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {**_service_paths(references), **paths},
        "components": {"schemas": components},
    }
    return msgspec.json.encode(document)


def parameters(question: type[Question]) -> list[dict[str, Any]]:
    """Return the parameters of a question as OpenAPI describes them."""
    found = []
    for field in msgspec.structs.fields(question):
        schema = msgspec.json.schema(_wanted(field.type))
        description = schema.pop("description", "")
        if field.default not in (msgspec.NODEFAULT, msgspec.UNSET):
            schema["default"] = field.default
        found.append({"name": field.encode_name, "in": "query", "description": description, "schema": schema})
    return found


def _wanted(kind: Any) -> Any:
    """Return the type of what is sent, if it is; for JSON Schema what is missing would be null."""
    if get_origin(kind) is None or UnsetType not in get_args(kind):
        return kind
    (wanted,) = (one for one in get_args(kind) if one is not UnsetType)
    return wanted


def _read_operation(endpoint: Endpoint, references: dict[Any, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": references[endpoint.document]}}
    if issubclass(endpoint.question, ListedQuestion):
        content["text/csv"] = {"schema": {"type": "string"}}
    path = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "enum": [*endpoint.names]}}
    return {
        "operationId": endpoint.read.__name__,
        "summary": endpoint.summary,
        "parameters": [*([path] if NAME in endpoint.path else []), *parameters(endpoint.question)],
        "responses": {
            "200": {"description": endpoint.summary, "content": content},
            **_NOT_MODIFIED,
            **_refusals(references, *_READ_CODES, *([ErrorCode.NOT_FOUND] if endpoint.names else [])),
        },
    }


def _refusals(references: dict[Any, Any], *codes: ErrorCode) -> dict[str, Any]:
    statuses: dict[int, list[str]] = {}
    for code in codes:
        statuses.setdefault(STATUSES[code], []).append(f"`{code}`")
    content = {"application/json": {"schema": references[RefusalDocument]}}
    return {
        str(status): {"description": f"Refused: {', '.join(named)}.", "content": content}
        for status, named in sorted(statuses.items())
    }


def _batch(events: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": ["events"], "properties": {"events": events}}


def _answer(kind: Any, references: dict[Any, Any]) -> dict[str, Any]:
    return {"description": kind.__doc__, "content": {"application/json": {"schema": references[kind]}}}


def _accepting_paths(references: dict[Any, Any]) -> dict[str, Any]:
    def accept(name: str, summary: str, body: Any, receipt: Any, codes: tuple[ErrorCode, ...]) -> dict[str, Any]:
        return {
            "post": {
                "operationId": name,
                "summary": summary,
                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                "responses": {"200": _answer(receipt, references), **_refusals(references, *codes)},
            }
        }

    defaults = Settings()
    # What the events are is not said here: one that does not fit is refused alone, with a 200.
    batch = _batch({"type": "array", "maxItems": defaults.batch_events_max})
    bare = {"type": "array", "maxItems": defaults.batch_events_v2_max}
    report = {
        "type": "object",
        "required": ["timestamp"],
        "properties": {
            "timestamp": {"type": ["string", "number"], "description": "RFC 3339, or Unix seconds."},
            "tool": {"type": ["string", "object", "null"], "description": "Its name; drift-bench need not send it."},
            "version": {"type": ["string", "null"], "description": "The version of the tool; 0.0.0 by default."},
            "corpora": {"type": ["array", "null"], "description": "What CIBench found, by corpus."},
            "phases": {"type": ["array", "null"], "description": "What drift-bench measured, by phase."},
        },
        "anyOf": [{"required": ["tool", "corpora"]}, {"required": ["phases"]}],
    }
    return {
        "/v1/events": accept(
            "accept_events", "Store a batch of events; /schema describes them.", batch, Receipt, _EVENTS_CODES
        ),
        "/v2/events": accept(
            "accept_events_v2",
            "Store a batch of events as version 2 of the tool sends them; /schema/v2 describes them.",
            {"oneOf": [bare, _batch(bare)]},
            Receipt,
            _EVENTS_CODES,
        ),
        "/v1/feedback": accept(
            "accept_feedback",
            "Store the results of a report of CIBench or drift-bench.",
            report,
            FeedbackReceipt,
            _FEEDBACK_CODES,
        ),
    }


def _service_paths(references: dict[Any, Any]) -> dict[str, Any]:
    unhealthy = {"description": "Events cannot be stored.", "content": {"application/json": {"schema": {}}}}
    return {
        **_accepting_paths(references),
        "/v1/stats": {
            "get": {
                "operationId": "read_stats",
                "summary": "Sums of the last thirty days.",
                "responses": {
                    "200": _answer(Statistics, references),
                    **_NOT_MODIFIED,
                    **_refusals(references, ErrorCode.RATE_LIMITED, ErrorCode.STORAGE_FULL),
                },
            }
        },
        "/v1/health": {
            "get": {
                "operationId": "read_health",
                "summary": "Whether events can be stored.",
                "responses": {"200": _answer(Health, references), "503": unhealthy},
            }
        },
    }
