"""Malformed requests: how large their heads may be, and what is answered to bytes that are not HTTP."""

import logging
from http import HTTPStatus

from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError, LineTooLong

from telemetry.web.answers import Answer, text_answer
from telemetry.web.incoming import HEAD_BYTES_MAX

logger = logging.getLogger(__name__)

# RFC 9110 asks for 8,000 bytes of target. Proxies add a dozen headers of some hundred bytes.
LINE_BYTES_MAX = 8_000
HEADER_BYTES_MAX = 4_096
HEADERS_MAX = 64
_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "This is not well-formed HTTP/1.1.",
    HTTPStatus.REQUEST_URI_TOO_LONG: f"The target of the request is too long: send at most {LINE_BYTES_MAX} bytes.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        f"The headers are too large: send at most {HEADERS_MAX} of at most {HEADER_BYTES_MAX} bytes each, and"
        f" {HEAD_BYTES_MAX} bytes in all."
    ),
}


def malformed_answer(status: HTTPStatus) -> Answer:
    """Return what is answered to a malformed request; the log gets neither the client's address nor what it sent."""
    logger.warning("malformed HTTP was answered with %d", status)
    return text_answer(status, _SENTENCES[status])


def status_of(error: HttpProcessingError) -> HTTPStatus:
    """Return the status for what aiohttp found wrong with a request."""
    if isinstance(error, LineTooLong):
        too_long = error.args[1] == LINE_BYTES_MAX
        return HTTPStatus.REQUEST_URI_TOO_LONG if too_long else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    if isinstance(error, BadHttpMessage) and error.message == "Too many headers received":
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    return HTTPStatus.BAD_REQUEST
