"""A process that has loaded the ``telemetry`` command and forks for each run of it.

A fork is a process like any other, with descriptors, locks, signals and an exit code of its own. It is spared the start
of Python and the loading of modules, which is most of what a short command costs.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import socket
import sys
import threading
from typing import Any

import click

from telemetry import cli

MESSAGE_BYTES_MAX = 100_000


def load() -> None:
    """Load all commands, and record for the coverage report what that has run, so that no fork does so again."""
    for name in cli.COMMANDS:
        cli.cli.get_command(click.Context(cli.cli), name)
    with contextlib.suppress(ImportError):
        coverage = importlib.import_module("coverage").Coverage.current()
        if coverage is not None:
            coverage.save()
    gc.freeze()


def fork_on_demand(control: socket.socket) -> dict[str, Any]:
    """Fork for each order that arrives; return in the fork, with its order, and end with the one who gives orders."""
    replies: dict[int, socket.socket] = {}
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in replies:
                poll.unregister(descriptor)
                report(descriptor, replies.pop(descriptor))
                continue
            message, descriptors, *_ = socket.recv_fds(control, MESSAGE_BYTES_MAX, 4)
            if not message:
                sys.exit()
            *standard, last = descriptors
            reply = socket.socket(fileno=last)
            pid = os.fork()
            if pid == 0:
                become(standard, [control, reply, *replies.values()], list(replies))
                return dict(json.loads(message))
            for number in standard:
                os.close(number)
            reply.send(str(pid).encode())
            child = os.pidfd_open(pid)
            replies[child] = reply
            poll.register(child, select.POLLIN)


def report(child: int, reply: socket.socket) -> None:
    """Tell how a fork has ended, in the way of ``subprocess``."""
    ended = os.waitid(os.P_PIDFD, child, os.WEXITED)
    assert ended is not None
    status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    # Nobody may be there to hear it.
    with contextlib.suppress(OSError), reply:
        reply.send(str(status).encode())
    os.close(child)


def become(standard: list[int], sockets: list[socket.socket], descriptors: list[int]) -> None:
    """Take the descriptors for standard input, output and errors, and close all that are of no concern to a command."""
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
    for open_socket in sockets:
        open_socket.close()
    for descriptor in (*standard, *descriptors):
        os.close(descriptor)


def main() -> None:
    load()
    order = fork_on_demand(socket.socket(fileno=int(sys.argv[1])))
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["telemetry", *order["arguments"]]
    try:
        cli.main()
    except SystemExit as ending:
        if isinstance(ending.code, int | None):
            end(ending.code or 0)
        raise


def end(code: int) -> None:
    """End as Python does, but leave what is in memory to the kernel: taking it apart would first copy it."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
