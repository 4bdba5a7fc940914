#!/bin/bash
# PID 1 of one lab host: host-init.sh ID N. host.sh starts it inside fresh namespaces. It gives the
# host its own view of every path that libvirtd writes, starts libvirtd, and reaps orphans. When it
# ends, the kernel ends every process of the host: that is the lab's power switch.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
use_lab "$1"
use_host "$2"

bind_own_paths() {
  local path
  for path in etc/libvirt var/lib/libvirt var/log/libvirt var/cache/libvirt etc/passwd etc/group; do
    mount --bind "$host_var/$path" "/$path"
  done
  for path in etc/hostname etc/hosts etc/machine-id; do # a container may lack these
    if [ -e "/$path" ]; then mount --bind "$host_var/$path" "/$path"; fi
  done
}

# Without cgroups libvirt needs no systemd-machined, and the daemons do not collide over the names
# of their guests' groups. It then takes a guest's CPU time from /proc.
hide_cgroups() { umount -R -l /sys/fs/cgroup 2>/dev/null || true; }

# The lab is software emulation everywhere, so that every machine shows the same picture. /dev/kvm
# must be really absent: with something bound over it libvirt finds its cached capabilities stale at
# each start of a guest and probes QEMU again (20 s instead of 1 s for a migration).
hide_kvm() {
  local dev=$host_run/dev node link
  [ -e /dev/kvm ] || return 0
  mkdir -p "$dev"
  mount -t tmpfs -o mode=755,size=1m drover-lab-dev "$dev"
  for node in null zero full random urandom tty userfaultfd; do
    [ -c "/dev/$node" ] || continue
    : >"$dev/$node"
    mount --bind "/dev/$node" "$dev/$node"
  done
  mkdir "$dev/pts" "$dev/shm"
  mount --bind /dev/pts "$dev/pts"
  mount --bind /dev/shm "$dev/shm"
  ln -s pts/ptmx "$dev/ptmx"
  ln -s /proc/self/fd "$dev/fd"
  for link in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${link%:*}" "$dev/${link#*:}"; done
  mount --move "$dev" /dev
}

apply_fakes() {
  local qemu=/usr/bin/qemu-system-x86_64 real=/var/lib/libvirt/lab-qemu fake
  for fake in "$host_var"/fake/memory/*; do
    if [ -e "$fake" ]; then mount --bind "$fake" "$(basename "$fake" | tr _ /)"; fi
  done
  if [ -s "$host_var/fake/online" ]; then
    mount --bind "$host_var/fake/online" /sys/devices/system/cpu/online
  fi
  if [ -x "$host_var/fake/qemu-wrapper" ]; then
    : >"$real"
    mount --bind "$qemu" "$real"
    mount --bind "$host_var/fake/qemu-wrapper" "$qemu"
  fi
}

start_libvirtd() {
  libvirtd --listen --pid-file /run/libvirtd.pid >>/var/log/libvirt/libvirtd.out 2>&1 &
}

hostname "$host_name"
mount --make-rprivate /
bind_own_paths
hide_cgroups
hide_kvm
apply_fakes
mount --bind "$host_run/run" /run # last: the scripts' own state lies under the real /run
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
trap start_libvirtd USR1 # host.sh daemon-start
trap 'exit 0' TERM INT
start_libvirtd
sleep infinity & # so that wait always has somebody to wait for
while :; do wait || true; done
