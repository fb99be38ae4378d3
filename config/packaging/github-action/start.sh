#!/usr/bin/env bash
# Starts a broker that lives as long as the job, and tells the steps behind where it is. Uses $CONFIG,
# $ARGS, $RUNNER_TEMP, $GITHUB_OUTPUT and $GITHUB_ENV.
set -euo pipefail

program=$RUNNER_TEMP/broker-bin/broker
ready=$RUNNER_TEMP/broker-ready.json
log=$RUNNER_TEMP/broker.log
rm -f "$ready"

options=(--ephemeral --ready-file "$ready")
if [[ -n ${CONFIG:-} ]]; then options+=(--config "$CONFIG"); fi
# Words as in a shell, but nothing in them is run.
while IFS= read -r word; do options+=("$word"); done < <(xargs -n 1 printf '%s\n' <<<"${ARGS:-}" | sed '/^$/d')

nohup "$program" run "${options[@]}" >/dev/null 2>"$log" </dev/null &
pid=$!
for _ in $(seq 300); do
  if [[ -s $ready ]]; then break; fi
  if ! kill -0 "$pid" 2>/dev/null; then
    cat "$log" >&2
    echo "::error::The broker has not started"
    exit 1
  fi
  sleep 0.1
done
[[ -s $ready ]] || { cat "$log" >&2 && echo "::error::The broker is not ready after 30 s" && exit 1; }

# The ready file is one line of JSON of ours: {"listeners":[{"type":"tcp","url":"mqtt://…","port":1883}],"http":[…]}
url=$(sed -n 's/.*"listeners":\[{"type":"[a-z]*","url":"\([^"]*\)".*/\1/p' "$ready")
http=$(sed -n 's/.*"http":\[{"url":"\([^"]*\)".*/\1/p' "$ready")
[[ -n $url ]] || { echo "::error::The ready file names no listener" && exit 1; }
address=${url#*://}
address=${address%%/*}
{
  echo "url=$url"
  echo "host=${address%:*}"
  echo "port=${address##*:}"
  echo "http-url=$http"
  echo "log=$log"
} >>"$GITHUB_OUTPUT"
{
  echo "MQTT_URL=$url"
  echo "MQTT_HOST=${address%:*}"
  echo "MQTT_PORT=${address##*:}"
  echo "BROKER_HTTP_URL=$http"
  echo "BROKER_PID=$pid"
} >>"$GITHUB_ENV"
echo "The broker is on $url"
