#!/bin/bash
# Build the demo image (README.md) into a directory: demo.qcow2, vmlinuz, initrd.img.
# Everything comes from packages of this machine's own distribution, downloaded and unpacked, not installed.
set -euo pipefail
shopt -s nullglob
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=1700000000
umask 022

# busybox has no client for IPv6; the package's name differs between releases
dhcp6=dhcpcd-base
[ -n "$(apt-cache policy $dhcp6 2>/dev/null | grep 'Candidate: [0-9]')" ] || dhcp6=dhcpcd5
here=$(cd "$(dirname "$0")" && pwd)
requires=$(awk '{print $2}' "$here/packages.txt" | xargs) # beyond what every Debian and Ubuntu has
guest_programs="dropbear-bin e2fsprogs $dhcp6"
tools="kmod syslinux mtools fdisk dosfstools e2fsprogs"
modules="virtio_pci virtio_net virtio_blk virtio_scsi virtio_console virtio-rng virtio_balloon sd_mod
  isofs vfat ext4 nls_ascii nls_cp437 button evdev"
boot_mib=26 root_mib=40

fail() {
  echo "demo image: $*" >&2
  exit 1
}
if [ "${1:-}" = --requires ]; then
  echo "$requires"
  exit
fi
[ $# -eq 1 ] || fail "usage: build.sh DIRECTORY | build.sh --requires"
for command in apt-get apt-cache dpkg-deb qemu-img sha256sum flock; do
  command -v $command >/dev/null ||
    fail "$command is missing: this needs Debian or Ubuntu with $requires (apt-get install $requires)."
done
[ "$(dpkg --print-architecture)" = amd64 ] || fail "only amd64 is supported."

mkdir -p "$1"
out=$(cd "$1" && pwd)
exec 9>"$out/.lock"
flock 9

# 1. which packages: the kernel's name differs between Debian and Ubuntu, libraries are found by dependency
depends() {
  apt-cache depends "$@" --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances | grep -E '^[a-z0-9]' | grep -vE '^(debconf|cdebconf|dpkg|perl|install-info)' | sort -u
}
source_hash=$(cd "$here" && find . -type f ! -name README.md | sort | xargs sha256sum | sha256sum | cut -c1-64)
meta=
for name in linux-image-cloud-amd64 linux-image-virtual linux-image-generic; do
  [ -n "$(apt-cache policy $name 2>/dev/null | grep 'Candidate: [0-9]')" ] && meta=$name && break
done
have=$(cat "$out/.stamp" 2>/dev/null || true)
complete() { [ -s "$out/demo.qcow2" ] && [ -s "$out/vmlinuz" ] && [ -s "$out/initrd.img" ]; }
if [ -z "$meta" ]; then
  complete && [ "${have%% *}" = "$source_hash" ] && exit 0 # no package lists, but nothing of ours changed
  fail "apt knows no kernel package; run apt-get update first."
fi
kernel=$(apt-cache depends $meta | awk '/Depends: linux-image-[0-9]/ {print $2; exit}')
[ -n "$kernel" ] || fail "$meta names no kernel."
packages="$kernel busybox-static syslinux-common $(depends $tools $guest_programs)"
case $kernel in *-generic) packages+=" linux-modules-${kernel#linux-image-}" ;; esac
empty=$(mktemp -d)
files=$(cd "$empty" && apt-get download --print-uris $packages 2>/dev/null | awk '{print $2, $4}' | sort) || true
rmdir "$empty"
[ -n "$files" ] || fail "apt cannot resolve $packages; run apt-get update first."
stamp="$source_hash $(sha256sum <<<"$files" | cut -c1-64)"
complete && [ "$have" = "$stamp" ] && exit 0

# 2. download (kept for the next build) and unpack; libc apart, so that our tools run on this machine's own
echo "demo image: building in $out"
started=$SECONDS
debs=$out/.packages
work=$(mktemp -d "$out/.build-XXXXXX")
trap 'rm -rf "$work"' EXIT
x=$work/x libc=$work/libc root=$work/root
mkdir -p "$debs" "$x" "$libc" "$root"
(cd "$debs" && apt-get -q -o APT::Sandbox::User=root download $packages >"$work/apt.log" 2>&1) ||
  fail "the packages could not be downloaded: $(tail -n 3 "$work/apt.log")"
while read -r file _; do
  case $file in
  libc6_*) dpkg-deb -x "$debs/$file" "$libc" ;;
  *) dpkg-deb -x "$debs/$file" "$x" ;;
  esac
done <<<"$files"
libraries=$(find "$x" -name '*.so*' -printf '%h\n' | grep -v /modules/ | sort -u | paste -sd:)
find_one() { find "$@" -print -quit; }
tool() { # run a program out of the packages
  local name=$1
  shift
  LD_LIBRARY_PATH=$libraries MTOOLS_SKIP_CHECK=1 PATH=$work/bin:$x/bin:$x/usr/bin:$x/sbin:$x/usr/sbin:$PATH "$name" "$@"
}
mkdir -p "$work/bin"
for name in depmod modprobe; do ln -s "$(find_one "$x" -type f -name kmod -path '*bin/kmod')" "$work/bin/$name"; done
busybox=$(find_one "$x" -type f -name busybox -path '*bin/busybox')

# 3. the guest's files: the same tree is the ramdisk and the root file system of the disk
version=$(basename "$x"/lib/modules/*) modules_root=$x
if [ ! -d "$x/lib/modules/$version" ]; then
  version=$(basename "$x"/usr/lib/modules/*) modules_root=$x/usr
fi
vmlinuz=$(find_one "$x/boot" -name "vmlinuz-*")
cd "$root"
mkdir -p bin sbin dev etc/dropbear home/demo lib/modules lib64 mnt newroot proc root run sys tmp usr/bin usr/sbin \
  var/lib/cloud var/lib/dhcpcd var/log
cp -r "$here/guest/." .
cp "$busybox" bin/busybox
for applet in $(bin/busybox --list); do
  case $applet in busybox | dpkg | dpkg-deb | rpm | rpm2cpio | linuxrc) ;; *) ln -s busybox "bin/$applet" ;; esac
done
for applet in init getty reboot poweroff; do ln -s ../bin/busybox sbin/$applet; done
loader=$(find_one "$libc" -name 'ld-linux-x86-64.so.2')
cp -L "$loader" lib64/
for name in dropbear:usr/sbin dropbearkey:usr/bin resize2fs:sbin dhcpcd:usr/sbin; do
  program=$(find_one "$x" -type f -name "${name%:*}" -path '*bin/*')
  [ -n "$program" ] || fail "the packages lack ${name%:*}."
  cp "$program" "${name#*:}/"
  "$loader" --library-path "$(dirname "$(find_one "$libc" -name libc.so.6)"):$libraries" --list "$program" |
    awk '$1 !~ "^/" && $2 == "=>" {print $1, $3}' | while read -r library path; do
    mkdir -p lib/x86_64-linux-gnu
    cp -L "$path" "lib/x86_64-linux-gnu/$library"
  done
done
find "$modules_root/lib/modules" -name '*.ko.zst' -exec zstd -dq --rm {} + # Ubuntu packs them; its zstd comes with dpkg
find "$modules_root/lib/modules" -name '*.ko.xz' -exec xz -d {} +
tool depmod -b "$modules_root" "$version"
for module in $modules; do
  tool modprobe -d "$modules_root" -S "$version" --show-depends "$module" 2>/dev/null |
    awk '$1 == "insmod" {print $2}' || echo "demo image: the kernel has no module $module" >&2
done | awk '!seen[$0]++' | while read -r file; do
  cp "$file" lib/modules/
  basename "$file"
done >lib/modules/order
hash=$("$busybox" mkpasswd -m sha512 -S cloudwebdemo cloudweb)
printf '%s\n' "root:$hash:19000:0:99999:7:::" "demo:$hash:19000:0:99999:7:::" >etc/shadow
chmod 600 etc/shadow
chmod 700 root
chmod 755 init etc/rc etc/rc.shutdown etc/nic etc/watch-devices etc/udhcpc/script etc/dhcpcd.script etc/acpi/PWRF/00000080
find . -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# 4. ramdisk; disk = boot sector, FAT with the boot loader, ext4
cp "$vmlinuz" "$work/vmlinuz"
find . | sort | "$busybox" cpio -o -H newc -R 0:0 2>/dev/null | gzip -9n >"$work/initrd.img"
cd "$work"
mib=$((1024 * 1024))
truncate -s $(((1 + boot_mib + root_mib) * mib)) disk.raw
tool sfdisk -q disk.raw <<EOF
label: dos
label-id: 0xc10dd3b0
start=2048, size=$((boot_mib * 2048)), type=c, bootable
start=$((2048 + boot_mib * 2048)), type=83
EOF
truncate -s $((boot_mib * mib)) boot.fat
tool mkfs.vfat --invariant -n DEMOBOOT boot.fat >/dev/null
tool mcopy -m -i boot.fat vmlinuz initrd.img "$here/syslinux.cfg" ::
tool syslinux --install boot.fat
truncate -s $((root_mib * mib)) root.ext4
E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH tool mkfs.ext4 -q -L demoroot -m 0 -O ^metadata_csum,^64bit \
  -U 6ed1b5f2-0c1d-4d3b-9a55-c10dd3b0c10d -E root_owner=0:0,hash_seed=6ed1b5f2-0c1d-4d3b-9a55-c10dd3b0c10d -d "$root" root.ext4
dd if="$(find_one "$x" -name mbr.bin)" of=disk.raw bs=440 count=1 conv=notrunc status=none
dd if=boot.fat of=disk.raw bs=1M seek=1 conv=notrunc,sparse status=none
dd if=root.ext4 of=disk.raw bs=1M seek=$((1 + boot_mib)) conv=notrunc,sparse status=none
qemu-img convert -c -O qcow2 disk.raw demo.qcow2

# 5. new files take the place of the old ones, which running guests may still have open
for file in demo.qcow2 vmlinuz initrd.img; do
  chmod 644 "$file"
  mv -f "$file" "$out/$file"
done
echo "$stamp" >"$out/.stamp"
(cd "$debs" && for file in *.deb; do grep -qF "$file " <<<"$files" || rm -f "$file"; done)
echo "demo image: done in $((SECONDS - started)) s (kernel $version, $(du -h "$out/demo.qcow2" | cut -f1))"
