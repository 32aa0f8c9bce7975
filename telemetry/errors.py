"""The closed sets of codes that a client is sent, each with the sentence that tells a person what to do.

HTTP statuses are mapped at the edge (``telemetry.web.answers``). What operators are told is in
``telemetry.operator_errors``.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Why a whole request was refused."""

    EVENTS_REQUIRED = "events_required"
    TOO_MANY_EVENTS = "too_many_events"
    INVALID_JSON = "invalid_json"
    TOO_LARGE = "too_large"
    CHUNKS_TOO_SMALL = "chunks_too_small"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    BODY_TIMEOUT = "body_timeout"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    STORAGE_FULL = "storage_full"
    STORAGE_ERROR = "storage_error"
    CLOCK = "clock"
    FEEDBACK_INVALID = "feedback_invalid"
    TOO_MANY_RESULTS = "too_many_results"
    REPORT_TOO_LARGE = "report_too_large"
    FEEDBACK_TOKEN_INVALID = "feedback_token_invalid"
    UNAUTHORIZED = "unauthorized"
    ERASURE_INVALID = "erasure_invalid"
    ORDER_INVALID = "order_invalid"
    PARAMETER_INVALID = "parameter_invalid"
    NOT_PUBLISHED = "not_published"
    FILE_TOO_LARGE = "file_too_large"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_FOUND = "not_found"
    INTERNAL = "internal"


ERROR_SENTENCES: dict[ErrorCode, str] = {
    # The first two, and "Not found", are promised byte for byte to deployed clients.
    ErrorCode.EVENTS_REQUIRED: "Invalid request: events array required",
    ErrorCode.TOO_MANY_EVENTS: "Too many events: max {limit} per batch",
    ErrorCode.INVALID_JSON: "Invalid JSON: send one UTF-8 encoded JSON object and nothing else",
    ErrorCode.TOO_LARGE: "Body too large: send at most {limit} bytes",
    ErrorCode.CHUNKS_TOO_SMALL: "Chunks too small: send the body with its Content-Length, or in chunks of 1,000 bytes",
    ErrorCode.UNSUPPORTED_ENCODING: "Unsupported Content-Encoding: send the body uncompressed",
    ErrorCode.BODY_TIMEOUT: "Body not received in time: send it within {limit} seconds",
    ErrorCode.RATE_LIMITED: "Too many requests: retry after the seconds given in Retry-After",
    ErrorCode.BUSY: "Too busy: retry after the seconds given in Retry-After",
    ErrorCode.STORAGE_FULL: "Storage is full: retry later; the operator needs to free disk space",
    ErrorCode.STORAGE_ERROR: "Storage is failing: retry later; the operator finds the cause in the log",
    ErrorCode.CLOCK: "The server's clock seems wrong: retry later; the operator needs to set it (`timedatectl`)",
    ErrorCode.FEEDBACK_INVALID: "Invalid feedback: send a report of CIBench (corpora) or of drift-bench (phases)",
    ErrorCode.TOO_MANY_RESULTS: "Too many results: send at most {limit} numbers in one report",
    ErrorCode.REPORT_TOO_LARGE: "Report too large: send at most {limit} bytes, or a report for each corpus",
    ErrorCode.FEEDBACK_TOKEN_INVALID: "Invalid token: send the feedback token as Authorization: Bearer TOKEN, or none",
    ErrorCode.UNAUTHORIZED: "Unauthorized: send the admin token as Authorization: Bearer TOKEN",
    ErrorCode.ERASURE_INVALID: "Invalid erasure: send installation, kind (forget or exclude) and, if wanted, dry_run",
    ErrorCode.ORDER_INVALID: "Invalid order: send before, a day such as 2026-11-23, and what else the command sends",
    ErrorCode.PARAMETER_INVALID: "Invalid parameter: use those that /docs and /openapi.json describe",
    ErrorCode.NOT_PUBLISHED: "Nothing is published yet: retry when the first day is closed",
    ErrorCode.FILE_TOO_LARGE: "The file is above {limit} bytes and not offered: use the series at /v1/series",
    ErrorCode.METHOD_NOT_ALLOWED: "Method not allowed: use one of those in the Allow header",
    ErrorCode.NOT_FOUND: "Not found",
    ErrorCode.INTERNAL: "Internal error: retry later; the operator finds the cause in the log",
}


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a failure of the service
    """A whole request is refused. ``retry_after_s`` is how long its client should wait, if that is known."""

    def __init__(
        self, code: ErrorCode, *, limit: float | None = None, retry_after_s: float | None = None, detail: str = ""
    ) -> None:
        self.code = code
        self.retry_after_s = retry_after_s
        sentence = ERROR_SENTENCES[code].format(limit=limit)
        self.sentence = f"{sentence} ({detail})" if detail else sentence
        super().__init__(self.sentence)


class TooManyEvents(Refusal):
    """A batch of ``events`` is above ``limit``."""

    def __init__(self, events: int, limit: int) -> None:
        super().__init__(ErrorCode.TOO_MANY_EVENTS, limit=limit)
        self.events = events
        self.limit = limit


class RejectionCode(StrEnum):
    """Why one event of a batch was not stored; its neighbours were."""

    NOT_AN_OBJECT = "not_an_object"
    TYPE_INVALID = "type_invalid"
    FIELD_MISSING = "field_missing"
    FIELD_INVALID = "field_invalid"
    INSTALLATION_INVALID = "installation_invalid"
    VERSION_INVALID = "version_invalid"
    HASH_INVALID = "hash_invalid"
    LABEL_INVALID = "label_invalid"
    TIMESTAMP_INVALID = "timestamp_invalid"
    TIMESTAMP_AHEAD = "timestamp_ahead"
    TIMESTAMP_EXPIRED = "timestamp_expired"
    CONTENT_REFUSED = "content_refused"


REJECTION_SENTENCES: dict[RejectionCode, str] = {
    RejectionCode.NOT_AN_OBJECT: "Not an event: send a JSON object with a type",
    RejectionCode.TYPE_INVALID: "Invalid type: use lower-case letters, digits, _ and dots between words, at most 64",
    RejectionCode.FIELD_MISSING: "Missing field: send every field of the event's type",
    RejectionCode.FIELD_INVALID: "Invalid field: send the JSON type and range that the event's type documents",
    RejectionCode.INSTALLATION_INVALID: "Invalid installationId: send a random UUID (letters, digits, - and _ only)",
    RejectionCode.VERSION_INVALID: (
        "Invalid driftVersion: send a version such as 1.2.3 or 1.2.3-beta.1, without the name of a host or a person"
    ),
    RejectionCode.HASH_INVALID: "Invalid signatureHash: send 1 to 64 hexadecimal digits",
    RejectionCode.LABEL_INVALID: (
        "Invalid label: send a name of letters, digits and _ + # -, not of a host, a file or an address, at most 64"
    ),
    RejectionCode.TIMESTAMP_INVALID: "Invalid timestamp: send RFC 3339 in UTC such as 2026-11-23T16:22:38.222Z",
    RejectionCode.TIMESTAMP_AHEAD: "Timestamp too far ahead: set the clock; at most 24 hours ahead are accepted",
    RejectionCode.TIMESTAMP_EXPIRED: "Timestamp too old: send events within the retention period",
    RejectionCode.CONTENT_REFUSED: (
        "Refused content: unknown fields may hold numbers, booleans and few short names, at most 4 levels deep"
    ),
}


# Version 2 of the tool has other names for the same.
SECOND_REJECTION_SENTENCES: dict[RejectionCode, str] = REJECTION_SENTENCES | {
    RejectionCode.NOT_AN_OBJECT: "Not an event: send a JSON object with an event_type",
    RejectionCode.TYPE_INVALID: REJECTION_SENTENCES[RejectionCode.TYPE_INVALID].replace("type", "event_type", 1),
    RejectionCode.INSTALLATION_INVALID: REJECTION_SENTENCES[RejectionCode.INSTALLATION_INVALID].replace(
        "installationId", "anonymous_id"
    ),
    RejectionCode.VERSION_INVALID: REJECTION_SENTENCES[RejectionCode.VERSION_INVALID].replace(
        "driftVersion", "drift_version"
    ),
    RejectionCode.HASH_INVALID: REJECTION_SENTENCES[RejectionCode.HASH_INVALID].replace(
        "signatureHash", "signature_hash"
    ),
    RejectionCode.TIMESTAMP_INVALID: "Invalid timestamp: send Unix seconds such as 1795450958, not milliseconds",
}


class EventRejected(Exception):  # noqa: N818 - expected of any client, and answered with a 200
    """One event does not fit the catalogue."""

    def __init__(self, code: RejectionCode, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        sentence = REJECTION_SENTENCES[code]
        self.sentence = f"{sentence} ({detail})" if detail else sentence
        super().__init__(self.sentence)


class EventMistimed(EventRejected):
    """One event is sound, but for its time: it ``occurred_at`` Unix seconds that are out of the window."""

    def __init__(self, code: RejectionCode, installation_id: str, occurred_at: float) -> None:
        super().__init__(code)
        self.installation_id = installation_id
        self.occurred_at = occurred_at
