"""Binding: sockets for the addresses and paths that the service is to be reached at."""

import asyncio
import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from telemetry.networks.hosts import ALL, UNIX, read_hosts
from telemetry.operator_errors import UnavailableError

_ANY = ("0.0.0.0", "::")
_NO_SUCH_FAMILY = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
_PORT_TAKEN = {errno.EADDRINUSE, errno.EACCES}


async def bound_to(hosts: str, port: int) -> list[socket.socket]:
    """Return sockets bound to every host of a list; raise ``UnavailableError`` if one of them cannot be had.

    Where any free port is taken, it is the same one for all hosts.
    """
    sockets: list[socket.socket] = []
    try:
        for host in read_hosts(hosts):
            try:
                sockets += [_public(host.removeprefix(UNIX))] if host.startswith(UNIX) else await _bound(host, port)
            except OSError as error:
                raise _unavailable(host, port, error) from error
            port = port or next((s.getsockname()[1] for s in sockets if s.family != socket.AF_UNIX), 0)
    except BaseException:
        remove_paths(sockets)
        for each in sockets:
            each.close()
        raise
    return sockets


async def check_free(hosts: str, port: int) -> None:
    """Raise ``UnavailableError`` if one of the hosts of a list cannot be listened on."""
    sockets = await bound_to(hosts, port)
    remove_paths(sockets)
    for each in sockets:
        each.close()


def remove_paths(sockets: list[socket.socket]) -> None:
    """Remove the paths of open sockets that have one."""
    for each in sockets:
        if each.family == socket.AF_UNIX:
            Path(each.getsockname()).unlink(missing_ok=True)


async def bound(host: str, port: int) -> list[socket.socket]:
    """Return sockets bound to all addresses of a host; raise ``OSError`` if there is none or one cannot be had."""
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port, start_serving=False)
    try:
        return [listening.dup() for listening in server.sockets]
    finally:
        server.close()


def bound_at(path: str) -> socket.socket:
    """Return a socket bound to a path, where that of a crash may be left; raise ``OSError`` if that cannot be done.

    One that another program listens on stays.
    """
    # Not as a Path, which shortens what /proc/self/fd leads to.
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.stat(path).st_mode) and not _is_live(path):  # noqa: PTH116
            os.unlink(path)  # noqa: PTH108
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(path)
    except OSError:
        listening.close()
        raise
    return listening


async def _bound(host: str, port: int) -> list[socket.socket]:
    if host != ALL:
        return await bound(host, port)
    first = await bound(_ANY[0], port)
    try:
        return first + await bound(_ANY[1], port or first[0].getsockname()[1])
    except OSError as error:
        # This host speaks IPv4 alone.
        if error.errno in _NO_SUCH_FAMILY:
            return first
        for each in first:
            each.close()
        raise


def _public(path: str) -> socket.socket:
    listening = bound_at(path)
    # Proxies run as other users. Every user that may enter the folder may connect.
    Path(path).chmod(0o666)
    return listening


def _is_live(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == 0


def _unavailable(host: str, port: int, error: OSError) -> UnavailableError:
    place = host if host.startswith(UNIX) else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    flag = "--port" if error.errno in _PORT_TAKEN and not host.startswith(UNIX) else "--host"
    # asyncio writes a sentence of its own around the reason; the numbers of a failed look-up are others.
    is_known = error.errno is not None and error.errno > 0
    reason = os.strerror(error.errno or 0) if is_known else error.strerror or str(error)
    return UnavailableError(f"cannot listen on {place} ({reason}): choose another {flag}")
