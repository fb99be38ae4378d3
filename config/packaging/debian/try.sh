#!/usr/bin/env bash
# Installs a package on a clean Debian with systemd, and uses, crashes, hangs, reloads, removes and purges it:
#
#   sudo config/packaging/debian/try.sh PACKAGE [FOLDER]
#
# FOLDER is for the clean system, which debootstrap makes where there is none yet (300 MB). Needs root,
# debootstrap and systemd-nspawn; the network of the machine is not touched.
set -euo pipefail

package=${1:?which package? see the head of $0} folder=${2:-$(mktemp -d)/root}

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

if [[ ! -d $folder/usr ]]; then
  debootstrap --variant=minbase \
    --include=adduser,init-system-helpers,systemd,systemd-sysv,dbus,mosquitto-clients bookworm "$folder"
fi
cp "$package" "$folder/opt/broker.deb"

systemd-nspawn --quiet --register=no --keep-unit --private-network --directory "$folder" --boot \
  --console=pipe </dev/null >/dev/null 2>&1 &
container=$!
init=''
trap '[[ -z $init ]] || kill -RTMIN+4 "$init"; wait "$container" || true' EXIT
inside() {
  nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ TERM=dumb "$@"
}
for _ in $(seq 120); do
  init=$(pgrep --parent "$container" || true)
  if [[ -n $init ]] && inside systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded'; then
    break
  fi
  sleep 0.5
done
[[ -n $init ]] || fail "the clean system does not start"

shows() { inside systemctl show broker --property "$1" --value; }
# within SECONDS COMMAND...: until it succeeds.
within() {
  for _ in $(seq "$(($1 * 5))"); do
    if "${@:2}" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  inside journalctl --unit broker --no-pager --lines 20 --output cat >&2
  fail "${*:2}"
}
is() { [[ $(shows "$1") == "$2" ]]; }
logged() { inside journalctl --unit broker --no-pager --output cat | grep -q "$1"; }
files() { find "$folder"/{etc,usr,lib,var/lib} -path "$folder/var/lib/systemd" -prune -o -print | { grep -i broker || true; } | sort; }

before=$(files)
inside dpkg --install /opt/broker.deb
is ActiveState active || fail "it does not run after its installation"
inside mosquitto_pub -h 127.0.0.1 -t trial -m kept -q 1 -r
inside broker healthcheck
[[ $(inside stat -c '%a %U' /var/lib/broker /etc/broker/broker.toml | tr '\n' ' ') == "700 broker 640 root " ]] ||
  fail "owners or permissions"

printf '\n[mqtt]\nmax_qos = 1\n' >>"$folder/etc/broker/broker.toml"
inside systemctl reload broker
within 5 logged 'Reloaded changed=mqtt.max_qos'

inside bash -c 'kill -9 "$(systemctl show broker -p MainPID --value)"'
within 10 is NRestarts 1
within 10 is ActiveState active
[[ $(inside mosquitto_sub -h 127.0.0.1 -t trial -C 1 -W 5) == kept ]] || fail "the message has not survived"

mkdir -p "$folder/etc/systemd/system/broker.service.d"
printf '[Service]\nWatchdogSec=2\n' >"$folder/etc/systemd/system/broker.service.d/try.conf"
inside systemctl daemon-reload
inside systemctl restart broker
inside bash -c 'kill -STOP "$(systemctl show broker -p MainPID --value)"'
within 20 logged 'Watchdog timeout'
within 10 is ActiveState active
rm -r "$folder/etc/systemd/system/broker.service.d"
inside systemctl daemon-reload

echo 'nonsense = 1' >>"$folder/etc/broker/broker.toml"
if inside systemctl restart broker 2>/dev/null; then fail "it starts with a wrong configuration"; fi
within 5 is ExecMainStatus 2
within 5 is ActiveState failed

inside dpkg --remove broker
[[ -d $folder/var/lib/broker && -f $folder/etc/broker/broker.toml ]] || fail "remove takes what is not its own"
inside dpkg --purge broker
if inside id broker 2>/dev/null; then fail "the user is left behind"; fi
[[ $(files) == "$before" ]] || fail "files are left behind: $(diff <(echo "$before") <(files))"
echo "passed"
