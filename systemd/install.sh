#!/usr/bin/env bash
# Installs the service and one instance of it, or upgrades it; `make install` calls this.
#
# Each installation is a folder of its own under $PREFIX/releases. The last step makes it the current one, so that what
# fails before changes nothing, and a service that runs keeps its own folder until it is restarted.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "install: $*" >&2
    exit 1
}

instance=${ENV:-}
root=${DESTDIR:-}
prefix=${PREFIX:-/opt/drift-telemetry}
port=${PORT:-}
extras=${EXTRAS:-}
units=/etc/systemd/system
settings=/etc/drift-telemetry/$instance.env
socket_settings=$units/drift-telemetry@$instance.socket.d/port.conf
restart_settings=$units/drift-telemetry@.service.d/restart.conf
release=$prefix/releases/$(date -u +%Y%m%dT%H%M%SZ)
previous=$(readlink "$root$prefix/current" || true)

[[ $instance =~ ^[a-z][a-z0-9-]{0,31}$ ]] || fail "name the instance in lower-case letters: make install ENV=production"
if [ -z "$port" ] && [ ! -e "$root$socket_settings" ]; then
    case $instance in
        production) port=8787 ;;
        staging) port=8788 ;;
        *) fail "choose a port that no other instance has: make install ENV=$instance PORT=8789" ;;
    esac
fi
# An upgrade keeps the extras that the previous release has.
if [ -z "$extras" ] && [ -n "$previous" ] && [ -e "$root$previous/extras" ]; then
    extras=$(cat "$root$previous/extras")
fi
[ "$extras" != none ] || extras=
packages=()
for extra in ${extras//,/ }; do
    case $extra in
        parquet) packages+=(pyarrow) ;;
        query) packages+=(apsw) ;;
        *) fail "there is no extra $extra: choose parquet, query or both, as in EXTRAS=parquet,query, or EXTRAS=none" ;;
    esac
done
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "only root can install: sudo make install ENV=$instance"

command -v "${PYTHON:=python3}" >/dev/null || fail "there is no program $PYTHON: give one, as with PYTHON=python3.12"
"$PYTHON" systemd/check_python.py || exit 1
# What a link, or a program that chooses a version, leads to.
program=$("$PYTHON" -c 'import os, sys; print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))')
case $program in
    /home/* | /root/*) fail "$program cannot be reached by the service: give PYTHON=/usr/bin/python3" ;;
esac
if [ -e "$root$settings" ] && ! "$PYTHON" -B -m telemetry.environment_file "$root$settings" \
    sh -c '[ -z "${TELEMETRY_PORT:-}${TELEMETRY_HOST:-}" ]'; then
    fail "$settings sets TELEMETRY_PORT or TELEMETRY_HOST, and the socket unit decides where the service listens: take it
away, and give the port as in make install ENV=$instance PORT=${port:-8787}"
fi
# Neither a setting of pip's nor a variable of root's puts packages elsewhere than into the release.
export PIP_USER=0
unset PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONHOME PYTHONPATH

scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$root$release"' EXIT

echo "Making $release ..."
install -d -m 755 "$root$prefix/releases"
"$PYTHON" -m venv "$root$release"
python=$root$release/bin/python
pip() {
    "$python" -m pip --quiet --disable-pip-version-check "$@"
}
pip install --no-compile --require-hashes --requirement requirements.txt
# The version and hashes of a package, from the file that pins what the tests use.
pinned() {
    awk -v start="^$1==" '$0 ~ start { within = 1 } within; within && !/\\$/ { exit }' tests/requirements.txt
}
if [ -n "${packages[*]}" ]; then
    for package in "${packages[@]}"; do
        pinned "$package"
    done >"$scratch/extras.txt"
    pip install --no-compile --no-deps --require-hashes --requirement "$scratch/extras.txt"
    echo "$extras" >"$root$release/extras"
fi
# Built from a copy: nothing that belongs to root is left in the checkout.
cp -R telemetry sql setup.cfg pyproject.toml README.md LICENSE "$scratch"
pip install --no-compile --no-deps --no-build-isolation "$scratch"
pip uninstall --yes setuptools pip
"$python" -m compileall -q -s "$root/" -p / "$root$release/lib"
cp -R README.md docs "$root$release"
if [ -n "$root" ]; then
    grep -rlIZ --exclude-dir=lib -- "$root" "$root$release" | xargs -0r sed -i "s|$root||g"
fi
chmod -R u=rwX,go=rX "$root$release"
if [ -z "$root" ]; then
    # What can fail comes before anything that is in use is changed.
    systemd-sysusers "$PWD/systemd/drift-telemetry.sysusers.conf"
    if [ -e "$settings" ]; then
        # A release that would refuse these settings does not become the current one.
        sed "s|@PREFIX@/current|$release|g; s|@INSTANCE@|$instance|g" systemd/telemetry.sh >"$scratch/command"
        sh "$scratch/command" config >"$scratch/settings"
    fi
fi

echo "Writing units and settings ..."
for unit in systemd/*.service systemd/*.socket systemd/*.timer; do
    sed "s|/opt/drift-telemetry|$prefix|g" "$unit" | install -D -m 644 /dev/stdin "$root$units/$(basename "$unit")"
done
install -D -m 644 systemd/drift-telemetry.sysusers.conf "$root/etc/sysusers.d/drift-telemetry.conf"
[ -e "$root$settings" ] || install -D -m 644 systemd/instance.env "$root$settings"
restarted=drift-telemetry@$instance.service
if [ -n "$port" ]; then
    # A new port is listened on once the socket, too, starts anew.
    restarted="drift-telemetry@$instance.socket $restarted"
    printf '[Socket]\nListenStream=\nListenStream=127.0.0.1:%s\n' "$port" |
        install -D -m 644 /dev/stdin "$root$socket_settings"
fi
sed "s|@PREFIX@|$prefix|g; s|@INSTANCE@|$instance|g" systemd/telemetry.sh |
    install -D -m 755 /dev/stdin "$root/usr/local/bin/telemetry-$instance"
version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p') || version=
if [ "${version:-0}" -ge 254 ]; then
    # These start OnFailure= at every restart, unless they are told not to; older ones do not know the setting.
    printf '[Service]\nRestartMode=direct\n' | install -D -m 644 /dev/stdin "$root$restart_settings"
fi

ln -sfn "$release" "$root$prefix/current.new"
mv -T "$root$prefix/current.new" "$root$prefix/current"
trap 'rm -rf "$scratch"' EXIT

is_unused() {
    local status=0
    pgrep -f "^$1/bin/" >"$scratch/running" || status=$?
    # Without pgrep nobody knows: it is taken for used.
    [ "$status" = 1 ]
}
# What still runs is left alone, and one step back stays possible.
for folder in "$root$prefix"/releases/*; do
    old=${folder#"$root"}
    if [[ ${old##*/} =~ ^[0-9]{8}T[0-9]{6}Z$ && $old != "$release" && $old != "$previous" ]] && is_unused "$old"; then
        rm -rf "$folder"
    fi
done

next="sudo systemctl enable drift-telemetry@$instance.socket drift-telemetry@$instance.service
sudo systemctl restart $restarted"
if [ -n "$root" ]; then
    next="sudo systemd-sysusers && sudo systemctl daemon-reload
sudo systemctl enable --now drift-telemetry@$instance.socket drift-telemetry@$instance.service"
elif [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
echo "Installed. The settings are in $settings. Next:

$next"
