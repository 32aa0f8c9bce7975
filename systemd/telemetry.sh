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

# systemd hands the service this one; its commands need it too.
id_key=/etc/credstore/drift-telemetry.@INSTANCE@.id_key
if [ -r "$id_key" ]; then
    TELEMETRY_ID_KEY=$(cat "$id_key")
    export TELEMETRY_ID_KEY
fi

exec runuser -u drift-telemetry -- @PREFIX@/current/bin/telemetry "$@"
