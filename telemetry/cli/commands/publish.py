"""``telemetry publish``."""

import sqlite3
from pathlib import Path
from typing import Any

import click

from telemetry.cli.options import load_settings, settings_options
from telemetry.closing.cluster_job import ClusterState, cluster_state, publish_from_cluster
from telemetry.cluster.address import ClusterAddress
from telemetry.cluster.client import ClusterClient, ClusterError
from telemetry.operator_errors import ConflictError, StorageFailedError, UnavailableError
from telemetry.published.contributions import threshold_in
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.locks import only_process
from telemetry.storage.sqlite.background import NotNowError
from telemetry.wording import amount


@click.command("publish")
@click.option("--from", "source", metavar="ADDRESS", help="The cluster; the setting `cluster` if not given.")
@click.option("--without", multiple=True, metavar="NODE", help="Do not wait for this node; repeatable.")
@settings_options("environment", "data_dir", "log_format")
def command(*, source: str | None, without: tuple[str, ...], config: Path | None, **flags: Any) -> None:
    """Make public numbers from all nodes' events in a cluster, and write them to `published.db`.

    A window is closed when every node has sent all of its days; published numbers stay. Set `publish_from` to `cluster`
    for the service that shows these numbers. Run this command every hour.

    Example: telemetry publish --from 'clickhouse://drift@ch1:8123,ch2:8123/drift?cluster=main' --data-dir ./data
    """
    settings = load_settings(config, flags | {"cluster": source})
    address = ClusterAddress.parse(settings.cluster)
    directory = DataDirectory(Path(settings.data_dir))
    directory.create()
    client = ClusterClient(address, settings.cluster_password)
    with only_process(directory.publishing_lock, f"another process publishes into {directory.root}: wait for its end"):
        try:
            state = cluster_state(client, without)
            closed = publish_from_cluster(client, directory, state, threshold_in(settings.environment))
        except ClusterError as error:
            raise UnavailableError(f"the cluster cannot be read: {error}: see that it can be reached") from error
        except NotNowError as reason:
            raise ConflictError(f"nothing was published: {reason}: do this again") from reason
        except sqlite3.Error as error:
            raise StorageFailedError(f"{directory.published} cannot be written ({error}): see its disk") from error
    click.echo(f"{amount(len(closed), 'window')} published, {_reach(state)}")
    for sentence in state.waiting:
        click.echo(f"waiting: {sentence}")


def _reach(state: ClusterState) -> str:
    return f"complete up to {state.complete_through}" if state.complete_through else "no day is complete on all nodes"
