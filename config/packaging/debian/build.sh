#!/bin/sh
# Makes a Debian package of an executable that compile.sh has made:
#
#   config/packaging/debian/build.sh [--arch amd64|arm64] [--output FOLDER] EXECUTABLE
#
# The package has a user "broker" of its own, /etc/broker/broker.toml, /var/lib/broker (0700) and the
# systemd unit, which it starts. Needs dpkg-deb. SOURCE_DATE_EPOCH sets the time of its files (default:
# the day of the commit, else now); DEB_COMPRESSION how it is packed (xz).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

arch='' output=$PWD executable=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 0 ;;
    --arch) arch=${2:?--arch needs a value} && shift 2 ;;
    --output) output=${2:?--output needs a value} && shift 2 ;;
    -*) fail "cannot read \"$1\"; see build.sh --help" ;;
    *) executable=$1 && shift ;;
  esac
done
[ -n "$executable" ] || fail "which executable? see build.sh --help"
[ -f "$executable" ] || fail "there is no \"$executable\"; compile.sh makes it"
command -v dpkg-deb >/dev/null || fail "dpkg-deb is not installed"
[ -n "$arch" ] || arch=$(dpkg --print-architecture)

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/package.json")
[ -n "$version" ] || fail "package.json tells no version"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work"
doc=$work/usr/share/doc/broker
install -D -m 0755 "$executable" "$work/usr/bin/broker"
install -D -m 0644 "$here/../systemd/broker.service" "$work/lib/systemd/system/broker.service"
install -D -m 0644 "$here/broker.toml" "$work/etc/broker/broker.toml"
install -D -m 0644 "$root/config/broker.toml" "$doc/examples/broker.toml"
install -m 0644 "$root"/config/examples/*.toml "$root"/config/drop-in/*.toml "$doc/examples/"
install -D -m 0644 "$root/LICENSE" "$doc/copyright"
gzip -9n <"$root/CHANGELOG.md" >"$doc/changelog.gz"
install -d "$work/usr/share/man/man1"
sed "s/@VERSION@/$version/" "$here/broker.1" | gzip -9n >"$work/usr/share/man/man1/broker.1.gz"
# Where the executable is for this machine, it writes them itself.
share=$work/usr/share
for place in bash:bash-completion/completions/broker zsh:zsh/vendor-completions/_broker \
  fish:fish/vendor_completions.d/broker.fish; do
  if text=$("$executable" completions "${place%%:*}" 2>/dev/null); then
    install -d "$share/$(dirname "${place#*:}")"
    printf '%s\n' "$text" >"$share/${place#*:}"
  fi
done

install -d "$work/DEBIAN"
install -m 0755 "$here/postinst" "$here/prerm" "$here/postrm" "$work/DEBIAN/"
echo /etc/broker/broker.toml >"$work/DEBIAN/conffiles"
size=$(du -k -s --apparent-size --exclude=DEBIAN "$work" | cut -f1)
cat >"$work/DEBIAN/control" <<END
Package: broker
Version: $version
Architecture: $arch
Maintainer: The maintainers of this broker <root@localhost>
Installed-Size: $size
Depends: libc6 (>= 2.31), libgcc-s1, adduser, init-system-helpers
Section: net
Priority: optional
Description: MQTT broker for 3.1, 3.1.1 and 5.0
 One executable with persistence, TLS, WebSocket, access rules, a rule engine
 and the HTTP APIs of several other brokers. It listens on this machine only
 until it is told otherwise.
END
find "$work" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$output"
package=$output/broker_${version}_$arch.deb
dpkg-deb --root-owner-group "-Z${DEB_COMPRESSION:-xz}" --build "$work" "$package" >/dev/null
echo "$package"
