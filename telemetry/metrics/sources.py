"""Where the metrics are read from."""

from dataclasses import dataclass

from telemetry.clock import Clock
from telemetry.counting.counters import Counters
from telemetry.intake.appender import Appender
from telemetry.intake.duplicates import DuplicateWindow
from telemetry.intake.ledger import Ledger
from telemetry.intake.service import TelemetryService
from telemetry.published.publisher import Publisher
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.replaying import Replay
from telemetry.tasks.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts of a running service that know the numbers."""

    service: TelemetryService
    ledger: Ledger
    appender: Appender
    publisher: Publisher
    counters: Counters
    window: DuplicateWindow
    replay: Replay
    directory: DataDirectory
    upkeep: Upkeep
    clock: Clock
    recovery_s: float
