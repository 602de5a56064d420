#!/bin/bash
# Build the image of databases (README.md) into a directory: database.qcow2, from this machine's own distribution.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022

here=$(cd "$(dirname "$0")" && pwd)
requires="mmdebstrap qemu-utils e2fsprogs"
packages=postgresql,mariadb-server,mariadb-backup,python3-minimal,python3,zstd,busybox,iproute2,e2fsprogs,util-linux,openssl
fail() {
  echo "database image: $*" >&2
  exit 1
}
if [ "${1:-}" = --requires ]; then
  echo "$requires"
  exit
fi
[ $# -ge 1 ] && [ $# -le 2 ] || fail "usage: build.sh DIRECTORY [MIRROR OR SOURCES] | build.sh --requires"
for command in mmdebstrap qemu-img mkfs.ext4; do
  command -v $command >/dev/null || fail "$command is missing: apt-get install $requires"
done
[ "$(id -u)" = 0 ] || fail "packages are unpacked with their owners: this needs root."
mkdir -p "$1"
out=$(cd "$1" && pwd)
exec 9>"$out/.lock"
flock 9
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
sources=${2:-$(find /etc/apt/sources.list.d -name '*.sources' -print -quit)}
work=$(mktemp -d "$out/.build-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
started=$SECONDS

# 1. packages; no cluster of theirs is begun, no service started, and what only people read is left out
mmdebstrap --mode=root --variant=minbase --aptopt='Apt::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/libLLVM*' \
  --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/bitcode/*' \
  --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/llvmjit*' \
  --setup-hook='mkdir -p "$1/etc/postgresql-common" "$1/usr/sbin"' \
  --setup-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"' \
  --setup-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"' \
  --include="$packages" \
  --customize-hook='rm -rf "$1"/var/lib/mysql/* "$1"/usr/share/postgresql/*/man "$1"/usr/share/i18n' \
  --customize-hook='rm -rf "$1"/usr/bin/mariadb-test* "$1"/usr/bin/*_embedded "$1"/usr/sbin/policy-rc.d' \
  "$suite" "$root" ${sources:+"$sources"} >"$work/log" 2>&1 ||
  fail "the packages could not be unpacked: $(tail -n 5 "$work/log")"

# 2. busybox is the first program: no service but the agent
cp "$here"/guest/inittab "$root/etc/inittab"
for name in rc agent stop shell; do install -m 755 "$here/guest/$name" "$root/sbin/database-$name"; done
install -D -m 755 "$here/guest/power" "$root/etc/acpi/PWRF/00000080"
mkdir -p "$root/etc/udhcpc" "$root/data"
install -m 755 "$here/../demo-image/guest/etc/udhcpc/script" "$root/etc/udhcpc/script"
[ -e "$root/sbin/init" ] || ln -s /bin/busybox "$root/sbin/init"
echo database >"$root/etc/hostname"

# 3. MariaDB's system tables, by the agent's own driver: what makes them takes longer than a copy.
#    PostgreSQL's are made in each guest, for they hold a number by which it is known.
mkdir -p "$root/tmp/agent/databases" "$root/usr/share/cloudweb-guest"
cp -r "$here/../../databases/guest" "$root/tmp/agent/databases/guest"
chroot "$root" env PYTHONDONTWRITEBYTECODE=1 python3 -S -c '
import sys
from pathlib import Path
sys.path.insert(0, "/tmp/agent")
from databases.guest.drivers.mariadb_replicas import ReplicatingMariaDb
from databases.guest.place import Place
place = Place(data=Path("/usr/share/cloudweb-guest/mariadb"), run=Path("/run"), port=3306, user="mysql")
ReplicatingMariaDb(place).initialise()
' >"$work/log" 2>&1 || fail "MariaDB's system tables could not be made: $(tail -n 5 "$work/log")"
rm -rf "$root/tmp/agent"

# 4. one file system, which the demo image's ramdisk finds by its label
size=$(($(du -sm --apparent-size "$root" | cut -f1) * 3 / 2 + 128))
truncate -s "${size}M" "$work/disk.raw"
mkfs.ext4 -q -L demoroot -m 0 -O '^metadata_csum' -E root_owner=0:0,lazy_itable_init=1 -d "$root" "$work/disk.raw"
qemu-img convert -c -O qcow2 "$work/disk.raw" "$work/database.qcow2"
mv "$work/database.qcow2" "$out/database.qcow2"
echo "database image: $out/database.qcow2, $(du -m "$out/database.qcow2" | cut -f1) MB in $((SECONDS - started)) s"
