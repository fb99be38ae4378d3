#!/usr/bin/env bash
# Makes one executable of the broker, with the default configuration inside:
#
#   ./compile.sh [--runtime deno|bun] [--target TARGET] [--output dist/broker]
#
# Both runtimes compile the same bundle, which `deno bundle` writes. TARGET is as `deno compile
# --target` or `bun build --compile --target` has it; without one it is this machine, and the
# executable is run once. Needs Deno on the PATH, or else npm, which then fetches it.
#
#   DENO        the deno that compiles (default: the one that bundles)
#   DENORT_BIN  the base binary for `deno compile`, of the same version as that deno; without it
#               deno downloads one
#   BUN         the bun that compiles (default: the one that the tests use)
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")"

usage() {
  sed -n '2,15s/^# \{0,1\}//p' "$0"
}

fail() {
  echo "compile.sh: $*" >&2
  exit 1
}

# The deno that reads the project: it has to know the lock file and text imports.
project_deno() {
  if command -v deno >/dev/null; then
    deno "$@"
  else
    npx --yes deno "$@"
  fi
}

compile_with_deno() {
  # Without the project's configuration: the bundle needs none, and an older deno may not know all
  # of it. Which files and ports are used is for the operator's configuration to say; other
  # programs and native libraries are never used.
  local options=(--quiet --no-config --no-lock --no-check --output "$output")
  options+=(--no-prompt --allow-net --allow-read --allow-write --allow-env)
  # The service manager is told over a Unix socket, and the time since the machine has been up.
  options+=(--unstable-net --allow-sys=osUptime)
  if [[ -n $target ]]; then options+=(--target "$target"); fi
  if [[ -n ${DENO:-} ]]; then
    "$DENO" compile "${options[@]}" "$work/broker.js"
  else
    project_deno compile "${options[@]}" "$work/broker.js"
  fi || fail "deno compile failed; where its base binary cannot be downloaded, set DENORT_BIN"
}

compile_with_bun() {
  local bun=${BUN:-$(project_deno run -A tests/support/print_bun_path.ts)}
  # A broker takes nothing from the .env or bunfig.toml of the folder that it is started in.
  local options=(--no-compile-autoload-dotenv --no-compile-autoload-bunfig --outfile "$output")
  if [[ -n $target ]]; then options+=("--target=$target"); fi
  "$bun" build --compile "${options[@]}" "$work/broker.js" >"$work/bun.log" ||
    fail "bun build failed: $(cat "$work/bun.log")"
}

# A base binary of another version than the deno that compiled makes an executable that only fails.
run_once() {
  local said status=0
  said=$("$output" --version 2>&1 </dev/null) || status=$?
  if [[ $status -eq 0 && $said == broker\ * ]]; then
    echo "$output: $said"
    return
  fi
  rm -f "$output"
  if [[ $said == *"standalone binary section"* ]]; then
    fail "$output does not start: DENORT_BIN is not of the version of the deno that compiled" \
      "($("${DENO:-deno}" --version 2>/dev/null | head -n 1)): $said"
  fi
  fail "$output --version ended with status $status: $said"
}

runtime=deno target="" output=$PWD/dist/broker
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --runtime | --target | --output)
      [[ $# -ge 2 ]] || fail "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    *) fail "cannot read \"$1\"; see compile.sh --help" ;;
  esac
done
[[ $runtime == deno || $runtime == bun ]] || fail "--runtime is \"$runtime\", not deno or bun"

[[ $output == /* ]] || output=$caller/$output
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$(dirname "$output")"
# What failed to compile must not pass for what was compiled before.
rm -f "$output"
project_deno bundle --quiet --output "$work/broker.js" main.ts
"compile_with_$runtime"
if [[ -z $target ]]; then run_once; else echo "$output: built for $target, not run"; fi
