"""``telemetry forward``."""

import logging
import os
import random
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import click

from telemetry.cli.arguments import Day
from telemetry.cli.options import load_settings, settings_options
from telemetry.clock import Clock
from telemetry.cluster.address import ClusterAddress
from telemetry.cluster.client import ClusterClient, ClusterError
from telemetry.forwarding.forwarder import Forwarder
from telemetry.operator_errors import Exit, OperatorError, SettingsError, UnavailableError, meaning
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.locks import only_process

logger = logging.getLogger(__name__)

RETRY_MIN_S = 1.0
RETRY_MAX_S = 60.0
_DOUBLINGS_MAX = 10
# Errors that only a person can mend end the command; all others are tried again.
_FOR_A_PERSON = {Exit.DATA_DAMAGED, Exit.CONFIG, Exit.CANNOT_CREATE}


@click.command("forward")
@settings_options("environment", "data_dir", "cluster", "forward_interval_s", "log_format")
@click.option("--once", is_flag=True, help="End when the cluster has all that is counted now.")
@click.option("--resend", type=Day(), metavar="DAY", help="First have everything from this day on sent again.")
def command(*, once: bool, resend: str | None, config: Path | None, **flags: Any) -> None:
    """Ship events and aggregates to a ClickHouse cluster until stopped, while a service runs or not.

    Events count as sent once the cluster has stored them; an event that is sent twice counts once. Give the password of
    the cluster as the credential `cluster_password`.

    Example: telemetry forward --cluster 'clickhouse://drift@ch1:8123,ch2:8123/drift?cluster=main'
    """
    settings = load_settings(config, flags, log_to=sys.stderr if once else None)
    if not settings.cluster:
        raise SettingsError("setting cluster: it is empty: give the cluster's address, see `telemetry forward --help`")
    if settings.synchronous != "FULL":
        raise SettingsError(
            "setting synchronous: after a power cut, events could get ids that the cluster already has: set it to FULL"
        )
    os.umask(0o077)
    directory = DataDirectory(Path(settings.data_dir))
    directory.check_whole()
    directory.check_data()
    client = ClusterClient(ClusterAddress.parse(settings.cluster), settings.cluster_password)
    forwarder = Forwarder(directory, client, Clock(), id_key=settings.id_key)
    signal.signal(signal.SIGTERM, _stop)
    with only_process(directory.forwarding_lock, f"another process forwards {directory.root}: stop it first"):
        if resend is not None:
            forwarder.send_again(resend)
        try:
            if once:
                _forward_once(forwarder)
            else:
                _forward(forwarder, settings.forward_interval_s)
        except (KeyboardInterrupt, _StoppedBySignalError):
            logger.info("stopped, what the cluster has is noted", extra={"events": forwarder.sent})


class _StoppedBySignalError(BaseException):
    """SIGTERM: the next start sends the unfinished batch again."""


def _stop(_number: int, _frame: object) -> None:
    raise _StoppedBySignalError


def _forward_once(forwarder: Forwarder) -> None:
    try:
        forwarder.round()
    except ClusterError as error:
        raise UnavailableError(f"the cluster does not have everything: {error}: see that it can be reached") from error
    click.echo(f"{forwarder.sent} events sent")


def _forward(forwarder: Forwarder, interval_s: float) -> None:
    failures, before = 0, 0
    while True:
        try:
            forwarder.round()
        except (ClusterError, OperatorError, sqlite3.Error, OSError) as error:
            if isinstance(error, OperatorError) and meaning(error).exit in _FOR_A_PERSON:
                raise
            failures += 1
            pause_s = _backoff_s(failures)
            logger.warning("not everything could be forwarded, trying again soon", extra={"reason": str(error)})
        else:
            if failures:
                logger.info("the cluster has everything again", extra={"events": forwarder.sent - before})
            failures, before, pause_s = 0, forwarder.sent, interval_s
        time.sleep(pause_s)


def _backoff_s(failures: int) -> float:
    """Return how long to wait: twice as long after each failure, with jitter so that nodes do not act in step."""
    longest_s = min(RETRY_MAX_S, RETRY_MIN_S * 2 ** min(failures - 1, _DOUBLINGS_MAX))
    return random.uniform(longest_s / 2, longest_s)
