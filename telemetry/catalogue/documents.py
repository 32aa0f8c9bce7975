"""JSON documents whose events are decoded one by one: an event that cannot be read costs no other event.

A document is an object with an array ``events``. Where ``bare`` ones are allowed, it may be that array itself.
"""

import re
from itertools import islice
from typing import Any

import msgspec

from telemetry.errors import ErrorCode, EventRejected, Refusal, RejectionCode

# Python's floats are exact up to here, and so are the numbers of JavaScript.
INTEGER_MAX = 2**53 - 1

# Four megabytes of `[],[],` take half a second and 90 MB to decode. Events have one container in 60 bytes at most.
CONTAINERS_MAX = 100_000
_BYTES_PER_CONTAINER_MIN = 40


class _RawEnvelope(msgspec.Struct, gc=False):
    events: msgspec.Raw


_decode_envelope = msgspec.json.Decoder(_RawEnvelope).decode
_decode_anything = msgspec.json.Decoder().decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_check_grammar = msgspec.json.Decoder(msgspec.Raw).decode
_SPACE = b" \t\r\n"
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HALF = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_HALVES_MAX = 10_000
# It is as long as the escape that it replaces, and no shape of a text takes it.
_NO_CHARACTER = rb"\u0000"


def untyped_items(body: bytes, *, bare: bool = False) -> list[Any]:
    """Return the members of ``events``, decoded; an ``EventRejected`` stands for one that cannot be decoded.

    Raises ``Refusal`` if the body is not JSON, or has no array of events.
    """
    try:
        document = _decode_anything(body)
    except _UNDECODABLE:
        return [_decoded(item) for item in _raw_items_apart(body, bare=bare)]
    items = document if bare else None
    if isinstance(document, dict):
        items = document.get("events")
    if not isinstance(items, list):
        raise Refusal(ErrorCode.EVENTS_REQUIRED)
    return items


def raw_items(body: bytes, *, bare: bool = False) -> list[msgspec.Raw]:
    """Return the members of ``events``, each as it is encoded; raise ``Refusal`` as ``untyped_items`` does."""
    try:
        return _decode_items(body if bare and _is_array(body) else _decode_envelope(body).events)
    except _UNDECODABLE:
        return _raw_items_apart(body, bare=bare)


def code_of_dense(body: bytes, *, bare: bool = False) -> ErrorCode | None:
    """Return why a body is refused that has more arrays and objects than any batch, or None if it has not.

    Decoding it would keep other requests waiting, and so it is found out without.
    """
    containers = body.count(b"{") + body.count(b"[")
    if containers <= max(CONTAINERS_MAX, len(body) // _BYTES_PER_CONTAINER_MIN):
        return None
    try:
        events = bytes(_check_grammar(body) if bare and _is_array(body) else _decode_envelope(body).events)
    except msgspec.ValidationError:
        return ErrorCode.EVENTS_REQUIRED
    except _UNDECODABLE:
        return ErrorCode.INVALID_JSON
    return ErrorCode.TOO_MANY_EVENTS if _is_array(events) else ErrorCode.EVENTS_REQUIRED


def whole(value: Any, levels: int = 0) -> Any:
    """Return a number that is whole, however it was written, as an integer; up to ``levels`` deep in a value."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= INTEGER_MAX else value
    if levels and isinstance(value, dict):
        return {name: whole(member, levels - 1) for name, member in value.items()}
    if levels and isinstance(value, list):
        return [whole(member, levels - 1) for member in value]
    return value


def _is_array(json: bytes) -> bool:
    return json.lstrip(_SPACE).startswith(b"[")


def _raw_items_apart(body: bytes, *, bare: bool) -> list[msgspec.Raw]:
    """Return the events one by one, for documents with numbers or texts that Python cannot hold."""
    try:
        body.decode()
        body, lone = _without_lone_surrogates(body)
        document = _check_grammar(body)
        members = _decode_members(body) if body.lstrip(_SPACE).startswith(b"{") else {}
        raw_items = document if bare and _is_array(body) else members.pop("events", msgspec.Raw(b"null"))
        # What is unreadable outside of the events spoils the document.
        list(map(_decode_anything, members.values()))
        if lone and bytes(raw_items).count(_NO_CHARACTER) != body.count(_NO_CHARACTER):
            raise Refusal(ErrorCode.INVALID_JSON)
        if not _is_array(bytes(raw_items)):
            raise Refusal(ErrorCode.EVENTS_REQUIRED)
        return _decode_items(raw_items)
    except _UNDECODABLE:
        raise Refusal(ErrorCode.INVALID_JSON) from None


def _without_lone_surrogates(body: bytes) -> tuple[bytes, int]:
    """Return the body with escapes of half a pair replaced, and how many there were."""
    # Escaped backslashes begin no other escape. Everything keeps its place.
    readable = _PAIR.sub(b" " * 12, body.replace(rb"\\", b"  "))
    halves = [half.start() for half in islice(_HALF.finditer(readable), _HALVES_MAX)]
    replaced = bytearray(body)
    for start in halves:
        replaced[start : start + len(_NO_CHARACTER)] = _NO_CHARACTER
    return bytes(replaced), len(halves)


def _decoded(item: msgspec.Raw) -> Any:
    try:
        return _decode_anything(item)
    except msgspec.DecodeError:
        return EventRejected(RejectionCode.FIELD_INVALID, "a number is beyond all limits")
