"""Shared by commands that change data: they ask the running service, or do the work themselves if none runs."""

import asyncio
import http.client
import json
import os
from collections.abc import Callable, Coroutine
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from telemetry.admin_socket import AdminConnection
from telemetry.errors import ErrorCode
from telemetry.operator_errors import InUseError, StorageFailedError, UnavailableError, named
from telemetry.settings import Settings
from telemetry.storage.directory.data_directory import DataDirectory

_Report = TypeVar("_Report")

_TIMEOUT_S = 3_600.0
# Errors of the database have a code of the wire; an operator gets these instead.
_REFUSALS = {ErrorCode.BUSY: InUseError, ErrorCode.STORAGE_ERROR: StorageFailedError}


def ask_or_do(
    settings: Settings,
    path: str,
    request: msgspec.Struct,
    report: type[_Report],
    do: Callable[[], Coroutine[Any, Any, _Report]],
) -> _Report:
    """Return the report of the service that runs on the data directory, or of ``do`` if none runs.

    Raises ``OperatorError`` if the service refuses, fails or does not answer.
    """
    directory = DataDirectory(Path(settings.data_dir))
    directory.check_whole()
    directory.check_data()
    try:
        return _ask(directory, path, request, report)
    except (FileNotFoundError, ConnectionRefusedError):
        os.umask(0o077)
        return asyncio.run(do())
    except TimeoutError as error:
        raise UnavailableError(
            "the service has not answered in time: it goes on, and its log says when it is done"
        ) from error
    except (ConnectionError, http.client.HTTPException) as error:
        raise UnavailableError(
            "the service stopped before it answered: start it, which finishes what was begun, and do this again"
        ) from error


def _ask(directory: DataDirectory, path: str, request: msgspec.Struct, report: type[_Report]) -> _Report:
    with closing(AdminConnection(directory.root, timeout_s=_TIMEOUT_S)) as connection:
        connection.request("POST", path, msgspec.json.encode(request))
        answer = connection.getresponse()
        body = answer.read()
    if answer.status == http.client.OK:
        return msgspec.json.decode(body, type=report)
    refused = json.loads(body)
    raise _REFUSALS.get(refused["code"], partial(named, refused["code"]))(refused["error"])
