#!/bin/sh
# The telemetry command as the instance itself would run it: as its user, with its settings.
export TELEMETRY_ENVIRONMENT=@INSTANCE@ TELEMETRY_DATA_DIR=/var/lib/drift-telemetry/@INSTANCE@

# Line by line, because systemd evaluates nothing in this file, as a shell would.
while read -r line || [ -n "$line" ]; do
    name=${line%%=*}
    value=${line#*=}
    case $name in
        '' | *[!A-Za-z0-9_]* | [0-9]* | "$line") continue ;;
    esac
    case $value in
        \"*\" | \'*\') value=${value#?} && value=${value%?} ;;
    esac
    export "$name=$value"
done </etc/drift-telemetry/@INSTANCE@.env

exec runuser -u drift-telemetry -- @PREFIX@/current/bin/telemetry "$@"
