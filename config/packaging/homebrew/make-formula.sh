#!/bin/sh
# Writes the Homebrew formula of a release to standard output:
#
#   config/packaging/homebrew/make-formula.sh URL SHA256SUMS
#
# URL is where the executables of the release are, SHA256SUMS the file that compile.sh has made of them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

fail() {
  echo "make-formula.sh: $*" >&2
  exit 1
}

[ $# -eq 2 ] || fail "needs URL and SHA256SUMS"
url=${1%/} sums=$2
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$here/../../../package.json")
script="s|@VERSION@|$version|;s|@URL@|$url|"
for target in macos-arm64 macos-x64 linux-arm64 linux-x64; do
  sum=$(awk -v name="broker-$target" '$2 == name { print $1 }' "$sums")
  [ -n "$sum" ] || fail "$sums names no broker-$target"
  script="$script;s|@SHA256:$target@|$sum|"
done
sed "$script" "$here/broker.rb.in"
