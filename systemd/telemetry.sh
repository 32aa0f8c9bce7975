#!/bin/sh
# The telemetry command as the instance itself would run it: as its user, with its settings.
export TELEMETRY_ENVIRONMENT=@INSTANCE@ TELEMETRY_DATA_DIR=/var/lib/drift-telemetry/@INSTANCE@

# systemd hands the service this one; its commands need it too.
id_key=/etc/credstore/drift-telemetry.@INSTANCE@.id_key
if [ -r "$id_key" ]; then
    TELEMETRY_ID_KEY=$(cat "$id_key")
    export TELEMETRY_ID_KEY
fi

# It reads the settings as systemd does, which evaluates nothing in them, as a shell would.
exec @PREFIX@/current/bin/python -I -m telemetry.environment_file /etc/drift-telemetry/@INSTANCE@.env \
    runuser -u drift-telemetry -- @PREFIX@/current/bin/telemetry "$@"
