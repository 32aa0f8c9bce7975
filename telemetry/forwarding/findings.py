"""What `telemetry check` says of forwarding."""

from collections.abc import Iterator

from telemetry.clock import column_time
from telemetry.forwarding.state import LAG_S_MAX, ForwardingState
from telemetry.operator_errors import DamagedError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.findings import Finding, Severity
from telemetry.wording import amount

_SUBJECT = "forwarding"


def check_forwarding(directory: DataDirectory, cluster: str, now: float) -> Iterator[Finding]:
    """Find whether forwarding lags or erasures wait; ``cluster`` is the setting."""
    try:
        state = ForwardingState.read(directory.forwarding)
    except DamagedError as error:
        yield Finding(Severity.WARNING, directory.forwarding.name, str(error))
        return
    if state is None:
        if cluster:
            sentence = "nothing was forwarded yet, although the setting cluster is set: start `telemetry forward`"
            yield Finding(Severity.WARNING, _SUBJECT, sentence)
        return
    if state.lag_s(now) > LAG_S_MAX:
        since = column_time(state.caught_up_at or state.began_at)
        reason = f"its last error is: {state.error}" if state.error else "no forwarder seems to run"
        sentence = (
            f"the cluster has not had everything since {since} UTC, and {amount(state.waiting, 'event')} waited at "
            f"the last try; {reason}. See the forwarder's log, or remove {directory.forwarding} if this directory "
            "is not to be forwarded any more"
        )
        yield Finding(Severity.WARNING, _SUBJECT, sentence)
    if state.erasures_waiting:
        sentence = (
            f"{amount(state.erasures_waiting, 'erasure')} not confirmed by the cluster yet: all servers that the "
            "setting cluster names must answer; the forwarder goes on asking"
        )
        yield Finding(Severity.NOTE, _SUBJECT, sentence)
