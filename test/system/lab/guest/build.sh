#!/bin/bash
# Builds the lab's guest: Debian's own kernel (its package is only unpacked, so that none of its
# hooks runs) and an initramfs of a few megabytes that holds the virtio drivers and guestd as PID 1.
# The results go to a cache outside the repository ("guest_dir" in ../common.sh). Quick when they
# were made of the same sources; FORCE=1 builds again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR/.. source=common.sh
. "$here/../common.sh"

# Smallest first: the cloud kernel of Debian has just the virtio drivers; the virtual one is
# Ubuntu's.
readonly kernel_packages=(linux-image-cloud-amd64 linux-image-virtual linux-image-amd64)
readonly modules=(virtio_pci virtio_blk virtio_balloon)

say() { echo "lab guest: $*"; }
die() { echo "lab guest: $*" >&2; exit 1; }

# Not by their age: other checkouts build into the same cache.
sources_digest() { cat "$here/guestd.c" "$here/build.sh" | sha256sum; }

up_to_date() {
  [ -z "${FORCE:-}" ] && [ -s "$guest_dir/vmlinuz" ] && [ -s "$guest_dir/initrd.gz" ] &&
    [ "$(cat "$guest_dir/built-from" 2>/dev/null)" = "$(sources_digest)" ] &&
    ! [ "$guest_dir/initrd.gz" -nt "$guest_dir/built-from" ] # by one that leaves no such word
}

depends_on() { # those of a package's dependencies that are a kernel or its modules
  LC_ALL=C apt-cache depends "$1" 2>/dev/null |
    sed -nE 's/^ *Depends: (linux-(image|modules)-[0-9][^ ]*)$/\1/p'
}

# What the first known meta package depends on: the image, on Ubuntu also the package of modules.
real_kernel_packages() {
  local meta names name
  for meta in "${kernel_packages[@]}"; do
    names=$(depends_on "$meta")
    [ -n "$names" ] || continue
    for name in $names; do
      echo "$name"
      depends_on "$name"
    done | sort -u
    return
  done
}

fetch_kernel() {
  local names deb
  if ls "$guest_dir"/kernel/boot/vmlinuz-* >/dev/null 2>&1; then return; fi
  names=$(real_kernel_packages)
  if [ -z "$names" ]; then
    apt-get -q update || say 'apt-get update reported errors'
    names=$(real_kernel_packages)
  fi
  [ -n "$names" ] || die "apt offers none of: ${kernel_packages[*]}"
  say "fetching the guest's kernel: $names"
  # shellcheck disable=SC2086
  (cd "$work" && apt-get download -q $names) ||
    { apt-get -q update && cd "$work" && apt-get download -q $names; }
  rm -rf "$guest_dir/kernel" "$work/kernel"
  for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$work/kernel"; done
  mv "$work/kernel" "$guest_dir/kernel"
}

module_order() { # modules.dep names what each module needs, deepest last
  local kernel_modules=$1 name line needed
  for name in "${modules[@]}"; do
    line=$(grep -E "/$name\.ko(\.[a-z]+)?:" "$kernel_modules/modules.dep") || continue # built in
    for needed in $(echo "${line#*:}" | tr ' ' '\n' | tac) "${line%%:*}"; do echo "$needed"; done
  done | awk '!seen[$0]++'
}

unpacked_module() {
  case $1 in
    *.xz) xz -dc "$1" ;;
    *.zst) zstd -qdc "$1" ;;
    *) cat "$1" ;;
  esac
}

build_initrd() {
  local kernel_modules path plain root=$work/root
  kernel_modules=$(echo "$guest_dir"/kernel/lib/modules/*)
  [ -d "$kernel_modules" ] || kernel_modules=$(echo "$guest_dir"/kernel/usr/lib/modules/*)
  [ -s "$kernel_modules/modules.dep" ] ||
    depmod -b "${kernel_modules%/lib/modules/*}" "$(basename "$kernel_modules")"
  mkdir -p "$root/mod" "$root/proc" "$root/dev"
  gcc -O2 -static -pthread -Wall -Wextra -Werror -o "$root/init" "$here/guestd.c"
  for path in $(module_order "$kernel_modules"); do
    plain=$(basename "$path"); plain=${plain%.ko*}.ko
    unpacked_module "$kernel_modules/$path" >"$root/mod/$plain"
    echo "$plain" >>"$root/mod/order"
  done
  # PID 1 needs its stdio before it has mounted devtmpfs
  mknod "$root/dev/console" c 5 1
  (cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc --quiet) |
    gzip -1 >"$work/initrd.gz"
}

main() {
  umask 022
  mkdir -p "$guest_dir"
  exec 9>"$guest_dir/lock"
  flock 9 # two labs may come up at the same time
  if up_to_date; then say "up to date in $guest_dir"; return; fi
  work=$(mktemp -d "$guest_dir/build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  fetch_kernel
  build_initrd
  cp "$guest_dir"/kernel/boot/vmlinuz-* "$work/vmlinuz"
  mv "$work/vmlinuz" "$work/initrd.gz" "$guest_dir/"
  sources_digest >"$guest_dir/built-from"
  say "built in $guest_dir: $(cd "$guest_dir/kernel/boot" && echo vmlinuz-*)," \
    "initrd $(stat -c %s "$guest_dir/initrd.gz") bytes"
}
main "$@"
