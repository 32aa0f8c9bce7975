"""``python -m telemetry``: the same as the ``telemetry`` command."""

from telemetry.cli import main

main()
