"""The process that closes windows: ``python -m telemetry.closing DATA_DIR JOB PARENT``.

It prints a report, and never outlives the service's process ``PARENT``. It can be killed at any step and run again.
"""

import gc
import sqlite3
import sys
from pathlib import Path

import msgspec

from telemetry.closing.job import run
from telemetry.operator_errors import OperatorError
from telemetry.published.closings import Job, Report
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.background import NotNowError, step_back


def main() -> None:
    """Close the windows of a job, and print one line of JSON."""
    directory, job, parent = DataDirectory(Path(sys.argv[1])), msgspec.json.decode(sys.argv[2], type=Job), sys.argv[3]
    step_back(int(parent))
    # Nothing here holds a cycle.
    gc.disable()
    try:
        report = run(directory, job)
    except NotNowError as reason:
        report = Report(put_off=str(reason))
    except (sqlite3.Error, OSError, OperatorError) as error:
        report = Report(failed=str(error))
    print(msgspec.json.encode(report).decode())


if __name__ == "__main__":
    main()
