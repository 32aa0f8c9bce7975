"""What the service says of itself: its metrics, read from its admin socket."""

from dataclasses import astuple, dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from telemetry.admin_socket import AdminConnection
from telemetry.metrics.families import METRIC_PREFIX

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Totals:
    """How many groups of how many events were committed so far, and for how long counters were flushed.

    Also how many times statistics were published, and how long that took.
    """

    groups: float = 0
    group_events: float = 0
    flush_s: float = 0
    publications: float = 0
    publish_s: float = 0

    def since(self, before: "Totals") -> "Totals":
        """Return what was added since another look."""
        return Totals(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))

    @property
    def events_per_group(self) -> float:
        """The average size of a group; 0 if there was none."""
        return self.group_events / self.groups if self.groups else 0.0


def totals(data_dir: Path) -> Totals:
    """Read the metrics of the service that runs on a data directory; baselines have none."""
    connection = AdminConnection(data_dir, timeout_s=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except FileNotFoundError:
        return Totals()
    finally:
        connection.close()
    samples = {
        sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples
    }
    return Totals(
        samples[f"{METRIC_PREFIX}group_events_count"],
        samples[f"{METRIC_PREFIX}group_events_sum"],
        samples[f"{METRIC_PREFIX}flush_seconds_sum"],
        samples[f"{METRIC_PREFIX}publish_seconds_count"],
        samples[f"{METRIC_PREFIX}publish_seconds_sum"],
    )
