#!/bin/sh
# Installs the broker for this machine, and nothing where its checksum is not the one of SHA256SUMS:
#
#   install.sh --from URL [--to FOLDER] [--target TARGET]
#
# URL is where executables and SHA256SUMS of a release are, as `compile.sh --all` makes them; FOLDER is
# /usr/local/bin, or ~/.local/bin for those who may not write there. BROKER_FROM may name the URL, too.
# Needs curl or wget, and sha256sum or shasum.
set -eu

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

# The target of this machine, as compile.sh calls it.
this_target() {
  case $(uname -s) in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    *) fail "there is no executable for $(uname -s); on Windows, take broker-windows-x64.exe" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) processor=x64 ;;
    aarch64 | arm64) processor=arm64 ;;
    *) fail "there is no executable for $(uname -m)" ;;
  esac
  libc=''
  if [ "$system" = linux ]; then
    for loader in /lib/ld-musl-*.so.1; do
      if [ -e "$loader" ]; then libc=-musl; fi
    done
  fi
  echo "$system-$processor$libc"
}

# fetch URL FILE
fetch() {
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --proto-redir '=https' --output "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -q -O "$2" "$1"
  else
    fail "neither curl nor wget is installed"
  fi || fail "cannot fetch $1"
}

checksum() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1"
  elif command -v shasum >/dev/null; then
    shasum -a 256 "$1"
  else
    fail "neither sha256sum nor shasum is installed, so what was fetched cannot be checked"
  fi | cut -d ' ' -f 1
}

from=${BROKER_FROM:-} to='' target=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;;
    --from) from=${2:?--from needs a value} && shift 2 ;;
    --to) to=${2:?--to needs a value} && shift 2 ;;
    --target) target=${2:?--target needs a value} && shift 2 ;;
    *) fail "cannot read \"$1\"; see install.sh --help" ;;
  esac
done
[ -n "$from" ] || fail "from where? --from names the URL of a release"
is_ours=''
[ -n "$target" ] || is_ours=yes target=$(this_target)
if [ -z "$to" ]; then
  to=/usr/local/bin
  [ -w "$to" ] || to=${HOME:?there is no home folder; --to names one}/.local/bin
fi

name=broker-$target
case $target in windows-*) name=$name.exe ;; esac
mkdir -p "$to"
# In the folder where it is to be, so that it takes its place in one step.
work=$(mktemp -d "$to/.broker-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fetch "${from%/}/SHA256SUMS" "$work/SHA256SUMS"
expected=$(awk -v name="$name" '{ file = $2; sub(/^\*/, "", file) } file == name { print $1 }' \
  "$work/SHA256SUMS")
[ -n "$expected" ] || fail "SHA256SUMS of $from names no $name"
fetch "${from%/}/$name" "$work/broker"
found=$(checksum "$work/broker")
[ "$found" = "$expected" ] ||
  fail "$name is not what SHA256SUMS says: found $found, expected $expected; nothing is installed"
chmod 0755 "$work/broker"
if [ -n "$is_ours" ]; then
  "$work/broker" --version >&2 ||
    fail "$name does not run here, so nothing is installed; on Alpine it needs: apk add libstdc++"
fi
case $target in windows-*) file=broker.exe ;; *) file=broker ;; esac
mv -f "$work/broker" "$to/$file"
echo "$to/$file"
case :$PATH: in
  *:"$to":*) ;;
  *) echo "install.sh: $to is not in PATH" >&2 ;;
esac
