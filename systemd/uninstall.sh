#!/usr/bin/env bash
# Takes the service away, all its instances included; `make uninstall` calls this. Data, settings and user stay.
set -euo pipefail

root=${DESTDIR:-}
prefix=${PREFIX:-/opt/drift-telemetry}
units=$root/etc/systemd/system

if [ -z "$root" ]; then
    [ "$(id -u)" = 0 ] || { echo "uninstall: only root can: sudo make uninstall" >&2 && exit 1; }
    if [ -d /run/systemd/system ]; then
        systemctl stop 'drift-telemetry-backup@*.timer' 'drift-telemetry@*.socket' 'drift-telemetry@*.service'
    fi
fi
rm -rf "$units"/drift-telemetry{,-backup,-failed}@* "$units"/*.wants/drift-telemetry{,-backup}@* "$root$prefix"
rm -f "$root/etc/sysusers.d/drift-telemetry.conf"
for settings in "$root"/etc/drift-telemetry/*.env; do
    rm -f "$root/usr/local/bin/telemetry-$(basename "$settings" .env)"
done
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl reset-failed 'drift-telemetry*'
fi
echo "Uninstalled. Left where they are: /var/lib/drift-telemetry*, /etc/drift-telemetry and the user drift-telemetry."
