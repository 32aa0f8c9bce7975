#!/usr/bin/env bash
# Takes the service away, all its instances included; `make uninstall` calls this. It removes what install has made and
# nothing else: data, settings, what `systemctl edit` has made, and the user stay.
set -euo pipefail

root=${DESTDIR:-}
prefix=${PREFIX:-/opt/drift-telemetry}
units=$root/etc/systemd/system

if [ -z "$root" ]; then
    [ "$(id -u)" = 0 ] || { echo "uninstall: only root can: sudo make uninstall" >&2 && exit 1; }
    if [ -d /run/systemd/system ]; then
        systemctl stop 'drift-telemetry-*@*.timer' 'drift-telemetry-forward@*.service' \
            'drift-telemetry-publish@*.service' 'drift-telemetry@*.socket' 'drift-telemetry@*.service'
    fi
fi

remove_if_empty() {
    local folder
    for folder; do
        [ ! -d "$folder" ] || rmdir --ignore-fail-on-non-empty "$folder"
    done
}

for release in "$root$prefix"/releases/*; do
    if [[ ${release##*/} =~ ^[0-9]{8}T[0-9]{6}Z$ ]]; then
        rm -rf "$release"
    fi
done
for link in "$root$prefix"/current{,.new}; do
    [ ! -L "$link" ] || rm "$link"
done
remove_if_empty "$root$prefix"/releases "$root$prefix"

rm -f "$units"/drift-telemetry{,-backup,-backup-failed,-forward,-publish,-cluster-failed,-failed}@.{service,socket,timer}
rm -f "$units"/*.wants/drift-telemetry{,-backup,-forward,-publish}@*
rm -f "$units"/drift-telemetry@*.socket.d/port.conf "$units"/drift-telemetry@.service.d/restart.conf
remove_if_empty "$units"/drift-telemetry@*.d
rm -f "$root/etc/sysusers.d/drift-telemetry.conf"
for settings in "$root"/etc/drift-telemetry/*.env; do
    rm -f "$root/usr/local/bin/telemetry-$(basename "$settings" .env)"
done
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl reset-failed 'drift-telemetry*'
fi
echo "Uninstalled. Left where they are: /var/lib/drift-telemetry*, /etc/drift-telemetry, what systemctl edit has made in
/etc/systemd/system, and the user drift-telemetry."
