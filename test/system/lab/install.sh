#!/bin/bash
# Installs what the lab of real servers needs, on Debian 12 or newer, as root. Quick when all is
# there.
#
#   install.sh            say what is missing, install it, build the lab's guest
#   install.sh --check    change nothing; exit 0 when all is there, 1 when something is missing
#
# On Debian 12 the hypervisor packages come from bookworm-backports: Debian 12's own QEMU 7.2 loses
# dirty pages when it migrates a software-emulated (TCG) guest, and so corrupts the guest's memory
# while libvirt reports success. For that this script adds ONE apt source file (below); it stays, so
# that later security updates of these packages reach the machine. Remove it by hand if you do not
# want it.
#
# No service is started, and the units that come with newly installed packages are disabled: the lab
# runs its own libvirtd, Prometheus, Alertmanager and PostgreSQL by hand.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

readonly source_file=/etc/apt/sources.list.d/drover-lab-backports.list
readonly debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg
readonly policy_file=/usr/sbin/policy-rc.d
readonly policy_mark='# made by drover-lab install.sh'
readonly qemu_major_min=9          # the first QEMU whose TCG dirty tracking survived our migrations
readonly lock_wait_seconds=900     # how long another apt may hold its locks
readonly hypervisor=(libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients
  qemu-system-x86 qemu-utils)
# Where libvirt is split finely, copying disks during a migration needs this besides.
readonly storage_driver=libvirt-daemon-driver-storage
readonly tools=(cpio gcc hostname iproute2 kmod libc6-dev mount openssl procps util-linux xz-utils)
# What talks to real power devices is only recommended by it, and not needed.
readonly fencing=(fence-agents)
readonly monitoring=(prometheus prometheus-alertmanager prometheus-node-exporter victoria-metrics)
readonly databases=(postgresql)

say() { echo "lab install: $*"; }
die() { echo "lab install: $*" >&2; exit 1; }

missing_of() { # the packages among the arguments that are not properly installed
  local pkg state
  for pkg in "$@"; do
    state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$pkg" 2>/dev/null || true)
    [ "${state% }" = ii ] || echo "$pkg"
  done
}

has_storage_driver() {
  compgen -G '/usr/lib/*/libvirt/connection-driver/libvirt_driver_storage.so' >/dev/null
}

qemu_major_installed() {
  { qemu-system-x86_64 --version 2>/dev/null || true; } | sed -nE '1s/.*version ([0-9]+)\..*/\1/p'
}

qemu_is_good() {
  local major; major=$(qemu_major_installed)
  [ "${major:-0}" -ge "$qemu_major_min" ]
}

find_missing() { # fills the array "missing"
  mapfile -t missing < <(missing_of "${hypervisor[@]}" "${tools[@]}" \
    "${fencing[@]}" "${monitoring[@]}" "${databases[@]}")
  if ! qemu_is_good; then
    # an installed but too old QEMU must be replaced, and libvirt with it: they were proven as a
    # pair
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" "${hypervisor[@]}" | sed '/^$/d' | sort -u)
  fi
  has_storage_driver || missing+=("$storage_driver")
}

check_platform() {
  local known='the lab knows Debian 12 or newer, and recent Ubuntu, on amd64'
  [ -r /etc/os-release ] || die "no /etc/os-release: $known"
  # shellcheck disable=SC1091
  . /etc/os-release
  case " ${ID:-} ${ID_LIKE:-} " in
    *' debian '* | *' ubuntu '*) ;;
    *) die "this is ${PRETTY_NAME:-unknown}: $known" ;;
  esac
  codename=${VERSION_CODENAME:-unknown}
  command -v apt-get >/dev/null || die "no apt-get here: $known"
  [ "$(dpkg --print-architecture)" = amd64 ] || die "this is $(dpkg --print-architecture): $known"
}

# apt waits for dpkg's lock by itself, but neither for that of its lists nor for that of its
# archives, and dpkg waits for nobody.
patiently() { # patiently COMMAND...: tries again while another one holds a lock
  local log rc end=$((SECONDS + lock_wait_seconds)); log=$(mktemp)
  while :; do
    rc=0
    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@" 2>&1 | tee "$log" || rc=$?
    [ "$rc" != 0 ] || break
    grep -qE 'Could not get lock|Unable to lock|Unable to acquire|lock was locked' "$log" || break
    [ "$SECONDS" -lt "$end" ] || break
    say 'another apt or dpkg is at work; waiting for it'
    sleep 5
  done
  rm -f "$log"
  return "$rc"
}

apt_patient() {
  patiently apt-get -q -o DPkg::Lock::Timeout="$lock_wait_seconds" -o Acquire::Retries=3 "$@"
}

refresh_lists() {
  apt_patient update || say 'apt-get update reported errors; going on with what it could fetch'
}

# Prints the address of the archive that this machine uses already for its own release.
mirror_in_use() {
  # shellcheck disable=SC2016 # for apt to fill in
  local format='$(REPO_URI) $(RELEASE) $(COMPONENT)'
  apt-get indextargets --format "$format" 'Created-By: Packages' 2>/dev/null |
    awk -v name="$codename" '
      $1 ~ /^cdrom:/ || $3 != "main" { next }
      !found && ($2 == name || $2 == "stable") { print $1; found = 1 }'
}

backports_known() {
  local found
  # shellcheck disable=SC2016 # for apt to fill in
  found=$(apt-get indextargets --format '$(RELEASE)' 'Created-By: Packages' 2>/dev/null)
  [[ $'\n'$found$'\n' == *$'\n'"$codename-backports"$'\n'* ]]
}

add_backports() {
  local uri options='arch=amd64'
  if backports_known; then return; fi
  uri=$(mirror_in_use)
  [ -n "$uri" ] || die "no apt source for $codename main: which mirror does this machine use?"
  # Debian's own files name this keyring too, and apt refuses two different ones for the same suite
  [ ! -e "$debian_keyring" ] || options+=" signed-by=$debian_keyring"
  say "adding the apt source $source_file ($uri $codename-backports); it stays"
  echo "deb [$options] $uri $codename-backports main" >"$source_file"
  refresh_lists
  if ! backports_known; then
    rm -f "$source_file"
    die "$uri offers no $codename-backports; took $source_file away again"
  fi
}

candidate_major() { # major version of the QEMU that apt would take from suite $1 (empty: any)
  LC_ALL=C apt-cache ${1:+-t "$1"} policy qemu-system-x86 |
    sed -nE 's/^ *Candidate: ([0-9]+:)?([0-9]+)\..*/\2/p'
}

forbid_services() { # maintainer scripts ask this file whether they may start their service
  if [ -e "$policy_file" ] && ! grep -qF "$policy_mark" "$policy_file"; then return; fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" >"$policy_file"
  chmod +x "$policy_file"
}

allow_services() {
  if [ -e "$policy_file" ] && grep -qF "$policy_mark" "$policy_file"; then rm -f "$policy_file"; fi
}

disable_new_units() { # or a machine with systemd would start them at its next boot
  local pkg units
  command -v systemctl >/dev/null || return 0
  for pkg in "$@"; do
    units=$(dpkg -L "$pkg" 2>/dev/null |
      sed -nE 's#.*/systemd/system/([^/@]+\.(service|socket|timer))$#\1#p' || true)
    # shellcheck disable=SC2086
    [ -z "$units" ] || systemctl disable --quiet $units >/dev/null 2>&1 || true
  done
}

finish_interrupted() { # an earlier dpkg run that was cut off blocks every later one
  local torn
  [ -n "$(dpkg --audit 2>/dev/null)" ] || return 0
  say 'an earlier package installation was interrupted; finishing it first'
  patiently dpkg --configure -a || true
  # dpkg marks with R what was cut off half unpacked: only unpacking it again helps
  mapfile -t torn < <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -nE 's/^..R +//p')
  if [ ${#torn[@]} -gt 0 ]; then
    apt_patient install -y --no-install-recommends --reinstall "${torn[@]}" || true
  fi
  apt_patient install -y --no-install-recommends --fix-broken ||
    die 'dpkg is broken and could not be repaired; see above'
}

choose_suite() { # sets "suite" to where the hypervisor packages come from (empty: the default)
  local major
  suite=
  if [ "$codename" = bookworm ]; then
    add_backports
    suite=bookworm-backports
  fi
  qemu_is_good && return
  major=$(candidate_major "$suite")
  [ "${major:-0}" -ge "$qemu_major_min" ] ||
    die "this system offers QEMU ${major:-none}; the lab needs $qemu_major_min or newer:" \
      'older ones corrupt emulated guests when they migrate'
}

install_some() { # install_some SUITE PACKAGE...: those of the packages that are missing
  local from=$1 pkg wanted=()
  shift
  for pkg in "$@"; do
    if [[ " ${missing[*]} " == *" $pkg "* ]]; then wanted+=("$pkg"); fi
  done
  [ ${#wanted[@]} -gt 0 ] || return 0
  say "installing${from:+ from $from}: ${wanted[*]}"
  apt_patient install -y --no-install-recommends ${from:+-t "$from"} "${wanted[@]}" ||
    die 'apt-get could not install the packages; see above'
}

install_missing() {
  local new before; before=$(mktemp)
  dpkg-query -W -f '${Package}\n' | sort >"$before"
  trap allow_services EXIT
  forbid_services
  refresh_lists
  finish_interrupted
  choose_suite
  install_some '' "${tools[@]}" "${fencing[@]}" "${monitoring[@]}" "${databases[@]}"
  install_some "$suite" "${hypervisor[@]}"
  has_storage_driver || install_some "$suite" "$storage_driver"
  mapfile -t new < <(dpkg-query -W -f '${Package}\n' | sort | comm -13 "$before" -)
  rm -f "$before"
  disable_new_units "${new[@]}"
  allow_services
}

main() {
  local missing codename suite
  check_platform
  find_missing
  if [ "${1:-}" = --check ]; then
    [ ${#missing[@]} = 0 ] || die "missing: ${missing[*]}"
    say 'all packages are there'
    return
  fi
  [ "$(id -u)" = 0 ] || die 'needs root (it installs packages and later makes namespaces)'
  if [ ${#missing[@]} -gt 0 ]; then
    say "going to install these Debian packages: ${missing[*]}"
    install_missing
    find_missing
    [ ${#missing[@]} = 0 ] || die "still missing after the installation: ${missing[*]}"
  fi
  say "all packages are there (QEMU $(qemu_major_installed), $(virsh --version) libvirt)"
  "$here/guest/build.sh"
}
main "$@"
