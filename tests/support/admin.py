"""The admin surface as an operator sees it: requests to its socket or port, and metrics as Prometheus reads them."""

import http.client
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from telemetry.admin_socket import AdminConnection
from tests.support.server import Answer


class Metrics:
    """What one scrape told."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = list(text_string_to_metric_families(text))
        self._values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """Return one number; ``drift_telemetry_`` goes without saying."""
        return self._values[f"drift_telemetry_{name}", frozenset(labels.items())]

    def of(self, name: str) -> dict[str, float]:
        """Return the numbers of a metric that has one label, by its values."""
        return {
            next(iter(labels))[1]: value
            for (found, labels), value in self._values.items()
            if found == f"drift_telemetry_{name}"
        }

    def events(self) -> dict[str, int]:
        """Return the events by outcome, and those received."""
        outcomes = {outcome: int(count) for outcome, count in self.of("events_total").items()}
        return outcomes | {"received": int(self.value("events_received_total"))}


def scrape(data_dir: Path) -> Metrics:
    """Read the metrics of the service that runs on a data directory."""
    answer = ask(AdminConnection(data_dir, timeout_s=10))
    assert answer.status == 200, answer.body
    return Metrics(answer.body.decode())


def ask(
    connection: http.client.HTTPConnection,
    method: str = "GET",
    path: str = "/metrics",
    headers: Mapping[str, bytes] | None = None,
) -> Answer:
    """Exchange one request and close the connection."""
    with closing(connection):
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())
