#!/usr/bin/env bash
# Makes one executable of the broker, with everything that it needs inside:
#
#   ./compile.sh [--runtime deno|bun] [--target TARGET | --all] [--output FILE]
#
# Both runtimes compile the same bundle, which `deno bundle` writes. TARGET is one of
#
#   linux-x64  linux-arm64  macos-x64  macos-arm64  windows-x64  windows-arm64
#   linux-x64-musl  linux-arm64-musl      (Bun only)
#
# Without one it is this machine, the executable is run once, and FILE is dist/broker; with one FILE
# is dist/broker-TARGET. --all makes every target that can be had, and names those that cannot.
# SHA256SUMS beside the executable has its checksum. Needs Deno on the PATH, or else npm, which then
# fetches it.
#
#   DENO        the deno that compiles (default: the one that bundles)
#   DENORT_BIN  the base binary for `deno compile`, of the same version as that deno and for TARGET;
#               without it deno downloads one
#   BUN         the bun that compiles (default: the one that the tests use); base binaries of other
#               targets come from the npm registry
#   COMMIT      what `--version` names as the commit, where there is no git (default: git's)
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")"

deno_targets="linux-x64 linux-arm64 macos-x64 macos-arm64 windows-x64 windows-arm64"
bun_targets="$deno_targets linux-x64-musl linux-arm64-musl"

usage() {
  sed -n '2,23s/^# \{0,1\}//p' "$0"
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

# What the executable says it is made from; nothing where nobody knows.
commit() {
  if [[ -n ${COMMIT:-} ]]; then
    echo "$COMMIT"
  elif git rev-parse --git-dir >/dev/null 2>&1; then
    local changed
    changed=$(git status --porcelain --untracked-files=no)
    echo "$(git rev-parse --short=12 HEAD)${changed:+-changed}"
  fi
}

# In pieces, not in one file: a piece is read when it is imported, so a start reads a third of it.
# Not minified: it would save 1 % of the executable and, of a start, 7 ms on Deno and 1 ms on Bun, and
# cost every name in the stack traces of a log.
bundle() {
  project_deno bundle --quiet --code-splitting --outdir "$work/bundle" main.ts
  local text
  text=$(commit)
  [[ $text =~ ^[-A-Za-z0-9._+]*$ ]] || fail "COMMIT is \"$text\", not a name of a commit"
  # The text that src/app/version.ts has in this place.
  grep -rl --null '@commit@' "$work/bundle" | xargs -0 sed -i.before "s/@commit@/$text/g"
  rm -f "$work"/bundle/*.before
  # Times are part of the executable: the same sources are to make the same file.
  TZ=UTC touch -t 200001010000 "$work"/bundle/*
}

deno_triple() {
  case $1 in
    linux-x64) echo x86_64-unknown-linux-gnu ;;
    linux-arm64) echo aarch64-unknown-linux-gnu ;;
    macos-x64) echo x86_64-apple-darwin ;;
    macos-arm64) echo aarch64-apple-darwin ;;
    windows-x64) echo x86_64-pc-windows-msvc ;;
    windows-arm64) echo aarch64-pc-windows-msvc ;;
  esac
}

# compile_with_deno TARGET FILE: without the project's configuration, for the bundle needs none, and
# an older deno may not know all of it.
compile_with_deno() {
  local options=(--quiet --no-config --no-lock --no-check --output "$2")
  # No questions: what is not allowed here fails.
  options+=(--no-prompt)
  # Which addresses and files are used is for the operator's configuration to say.
  options+=(--allow-net --allow-read --allow-write)
  # Configuration by BROKER_*, and what a service manager says there.
  options+=(--allow-env)
  # `broker exec` runs the command that it is given; every other command gives this up at once.
  options+=(--allow-run)
  # The time since the machine is up, for the service manager; load and memory, for alarms and
  # metrics; that the thread that writes to disk comes behind the one with the traffic. Native
  # libraries (--allow-ffi) and the rest of the system are never used.
  options+=(--allow-sys=osUptime,loadavg,systemMemoryInfo,cpus,setPriority)
  # Datagrams over Unix sockets, which is how systemd is told.
  options+=(--unstable-net)
  # Kept compiled code would be a file of a known name in the folder for temporary files, where
  # everybody may put one: whoever is first would have the broker run his code. It also would be
  # something written to disk by a broker that writes nothing. It would save up to 8 ms of a start.
  options+=(--no-code-cache)
  if [[ -n $1 ]]; then options+=(--target "$(deno_triple "$1")"); fi
  if [[ -n ${DENO:-} ]]; then
    NO_COLOR=1 "$DENO" compile "${options[@]}" "$work/bundle/main.js"
  else
    NO_COLOR=1 project_deno compile "${options[@]}" "$work/bundle/main.js"
  fi 2>"$work/deno.log" || {
    complain "deno compile failed for ${1:-this machine}; where its base binary cannot be" \
      "downloaded, DENORT_BIN names one of the same version and for that machine:" \
      "$(grep -m 3 -E '^error|^ +1: |possible values' "$work/deno.log")"
    return 1
  }
}

# compile_with_bun TARGET FILE
compile_with_bun() {
  local bun base
  bun=$(command -v "${BUN:-}" || project_deno run -A tests/support/print_bun_path.ts)
  bun=$(command -v "$bun") || fail "\"$bun\" cannot be run"
  local options=(--compile --splitting --format=esm --outfile "$2")
  # Compiled code inside: 7 MB more, and a start takes 27 ms and not 70.
  options+=(--bytecode)
  # A broker takes nothing from the .env or bunfig.toml of the folder that it is started in.
  options+=(--no-compile-autoload-dotenv --no-compile-autoload-bunfig)
  if [[ -n $1 ]]; then
    base=$(project_deno run -A tests/support/print_bun_path.ts "$1" 2>"$work/base.log") || {
      complain "the Bun for $1 cannot be had: $(tail -n 1 "$work/base.log")"
      return 1
    }
    local target=${1/macos/darwin}
    options+=("--target=bun-$target" --compile-executable-path "$base")
  fi
  # From there: paths are part of the executable, too.
  (cd "$work/bundle" && "$bun" build "${options[@]}" main.js) >"$work/bun.log" 2>&1 || {
    complain "bun build failed for ${1:-this machine}: $(tail -n 3 "$work/bun.log")"
    return 1
  }
}

# system_of FILE: the target, without the C library, that an executable is for, by its first bytes.
system_of() {
  local head
  head=$(head -c 20 "$1" | od -An -v -tx1 | tr -d ' \n')
  case $head in
    7f454c46*3e00) echo linux-x64 ;;
    7f454c46*b700) echo linux-arm64 ;;
    cffaedfe07000001*) echo macos-x64 ;;
    cffaedfe0c000001*) echo macos-arm64 ;;
    4d5a*) echo windows ;;
    *) echo "something else ($head)" ;;
  esac
}

complain() {
  echo "compile.sh: $*" >&2
}

# A base binary of another version than the deno that compiled makes an executable that only fails.
run_once() {
  local said status=0
  said=$("$1" --version 2>&1 </dev/null) || status=$?
  if [[ $status -eq 0 && $said == broker\ * ]]; then
    echo "$1: $said"
    return
  fi
  rm -f "$1"
  if [[ $said == *"standalone binary section"* ]]; then
    fail "$1 does not start: DENORT_BIN is not of the version of the deno that compiled" \
      "($("${DENO:-deno}" --version 2>/dev/null | head -n 1)): $said"
  fi
  fail "$1 --version ended with status $status: $said"
}

# note_checksum FILE: in SHA256SUMS beside it, in the place of what was there for that name.
note_checksum() {
  local folder name sums
  folder=$(dirname "$1") name=$(basename "$1") sums=$folder/SHA256SUMS
  touch "$sums"
  {
    awk -v name="$name" '{ found = $0; sub(/^[0-9a-f]+ [ *]/, "", found) } found != name' "$sums"
    (cd "$folder" && if command -v sha256sum >/dev/null; then sha256sum "$name"; else shasum -a 256 "$name"; fi)
  } | sort -k 2 >"$sums.new"
  mv "$sums.new" "$sums"
}

# make TARGET FILE
make() {
  mkdir -p "$(dirname "$2")"
  # What failed to compile must not pass for what was compiled before.
  rm -f "$2"
  "compile_with_$runtime" "$1" "$2" || return 1
  if [[ -z $1 ]]; then
    run_once "$2"
  else
    local system
    system=$(system_of "$2")
    if [[ $1 != "$system"* ]]; then
      rm -f "$2"
      complain "the base binary for $1 is for $system${DENORT_BIN:+; DENORT_BIN is $DENORT_BIN}"
      return 1
    fi
    echo "$2: built for $1, not run"
  fi
  note_checksum "$2"
}

# With the ending that Windows wants, and that both compilers would add by themselves.
file_of() {
  local file=${output:-$PWD/dist/broker${1:+-$1}}
  if [[ $1 == windows-* && $file != *.exe ]]; then file=$file.exe; fi
  echo "$file"
}

runtime=deno target="" output="" all=""
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --all) all=yes && shift ;;
    --runtime | --target | --output)
      [[ $# -ge 2 && -n $2 ]] || fail "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    *) fail "cannot read \"$1\"; see compile.sh --help" ;;
  esac
done
[[ $runtime == deno || $runtime == bun ]] || fail "--runtime is \"$runtime\", not deno or bun"
targets=${runtime}_targets
[[ -z $target || " ${!targets} " == *" $target "* ]] ||
  fail "--target is \"$target\"; with $runtime it is one of: ${!targets}"
[[ -z $all || (-z $target && -z $output) ]] || fail "--all names targets and files itself"
[[ -z $output || $output == /* ]] || output=$caller/$output

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle
if [[ -z $all ]]; then
  make "$target" "$(file_of "$target")" || exit 1
  exit 0
fi
missing=()
for each in ${!targets}; do make "$each" "$(file_of "$each")" || missing+=("$each"); done
[[ ${#missing[@]} -eq 0 ]] || fail "not made: ${missing[*]}"
