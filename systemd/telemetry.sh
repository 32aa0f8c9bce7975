#!/bin/sh
# The telemetry command as the instance itself would run it: as its user, with its settings.
set -a
TELEMETRY_ENVIRONMENT=@INSTANCE@
TELEMETRY_DATA_DIR=/var/lib/drift-telemetry/@INSTANCE@
. /etc/drift-telemetry/@INSTANCE@.env
set +a
exec runuser -u drift-telemetry -- @PREFIX@/current/bin/telemetry "$@"
