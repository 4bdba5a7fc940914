#!/bin/bash
# The hosts of one lab and the network between them.
#
#   host.sh ID net-up                 the switch: a namespace with a bridge and no route to anywhere
#   host.sh ID start N                boot: an empty /run, then libvirtd
#   host.sh ID stop N                 libvirtd ends politely, then everything else on the host
#   host.sh ID crash N                power cut: every process of the host dies at once
#   host.sh ID power N                prints "on" or "off", as a fencing device would
#   host.sh ID daemon-kill N          kill -9 libvirtd; the guests go on
#   host.sh ID daemon-start N         start libvirtd again, on the same /run
#   host.sh ID daemon-freeze N        libvirtd answers nothing any more; the guests go on
#   host.sh ID daemon-thaw N
#   host.sh ID freeze N               the whole host hangs, guests included
#   host.sh ID thaw N
#   host.sh ID link-down N            pull the cable
#   host.sh ID link-up N
#   host.sh ID link-rate N RATE       e.g. 200mbit, both directions; "none" takes the limit away
#   host.sh ID fake-cpu N 'avx2 ...'  its CPU lacks these, from its next start on; '': the truth
#   host.sh ID fake-memory N MIB      this host has so much memory; likewise
#   host.sh ID fake-cpus N 0          only these of the machine's CPUs are online here; likewise
#   host.sh ID certify N              it has certificates, and moves no guest without; likewise
#   host.sh ID exec N COMMAND ...     run a command inside the host
#   host.sh ID down                   take the whole lab away: all that it recorded, and only that
#
# A host is a libvirtd in its own network, mount, UTS, IPC and PID namespaces, with its own copies
# of all the paths that libvirtd writes (host-init.sh). The file system is shared otherwise, so a
# controller outside reaches it by its unix socket, while hosts reach each other over TCP inside the
# lab's network.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

readonly answer_seconds=120 # a first start probes QEMU, on a machine that may be very busy

die() { echo "lab $lab_id${host:+, host $host}: $*" >&2; exit 1; }

init_pid() { recorded_pid "$host_run/init.pid"; }
is_up() { init_pid >/dev/null; }
need_up() { is_up || die 'is not up'; }
in_host() { nsenter -t "$(init_pid)" -m -u -n -p -i -- "$@"; }

daemon_pid() { # as seen inside the host
  cat "$host_run/run/libvirtd.pid" 2>/dev/null || die 'libvirtd does not run'
}

wait_for_answer() {
  local end=$((SECONDS + answer_seconds))
  until virsh -q -c "$host_uri" uri >/dev/null 2>&1; do
    is_up || die "died while starting: $(tail -n 5 "$host_var/var/log/libvirt/"*.log 2>&1)"
    [ "$SECONDS" -lt "$end" ] || die "libvirtd gave no answer within $answer_seconds s"
    sleep 0.05
  done
}

# ---- the network ----

net_up() {
  mkdir -p "$run_dir" "$var_dir/shared"
  if [ -e "/run/netns/$switch_ns" ]; then return; fi
  ip netns add "$switch_ns"
  ip -n "$switch_ns" link set lo up
  ip -n "$switch_ns" link add br0 type bridge
  ip -n "$switch_ns" addr add "$net_prefix.1/24" dev br0
  ip -n "$switch_ns" link set br0 up
}

plug_in() {
  if [ -e "/run/netns/$host_ns" ]; then return; fi
  ip netns add "$host_ns"
  ip -n "$host_ns" link set lo up
  # a fixed MAC: a host that comes back must not be hidden by the stale ARP entry of its peers
  ip -n "$switch_ns" link add "p$host" type veth peer name eth0 netns "$host_ns" \
    address "$(printf '02:4c:56:00:00:%02x' "$host")"
  ip -n "$switch_ns" link set "p$host" master br0 up
  ip -n "$host_ns" addr add "$host_ip/24" dev eth0
  ip -n "$host_ns" link set eth0 up
}

limit_port() { # limit_port NAMESPACE DEVICE RATE
  tc -n "$1" qdisc del dev "$2" root 2>/dev/null || true
  [ "$3" = none ] || tc -n "$1" qdisc add dev "$2" root tbf rate "$3" burst 256kb latency 50ms
}

# ---- one host ----

write_identity() { # who am I: the names, users and ids this host sees
  local n etc=$host_var/etc
  echo "$host_name" >"$etc/hostname"
  {
    echo '127.0.0.1 localhost'
    for n in {1..99}; do echo "$net_prefix.$((10 + n)) drover-$lab_id-h$n"; done
  } >"$etc/hosts"
  # libvirtd looks its built-in default user up even when qemu.conf names another one
  { grep -v '^libvirt-qemu:' /etc/passwd
    echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin'; } >"$etc/passwd"
  { grep -v '^libvirt-qemu:' /etc/group
    echo 'libvirt-qemu:x:64055:'; } >"$etc/group"
  echo -n "$host_name" | md5sum | cut -c1-32 >"$etc/machine-id"
}

has_certificates() { [ -e "$host_var/etc/libvirt/pki/ca-cert.pem" ]; }

write_libvirtd_conf() {
  local uuid
  uuid=$(sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-4\3-8\4-\5/' \
    "$host_var/etc/machine-id")
  cat >"$host_var/etc/libvirt/libvirtd.conf" <<CONF
listen_tls = 0
listen_tcp = 1
listen_addr = "$host_ip"
auth_tcp = "none"
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_rw_perms = "0700"
host_uuid = "$uuid"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
max_client_requests = 32
keepalive_interval = 2
keepalive_count = 3
ovs_timeout = 1
CONF
  has_certificates || return 0
  sed -i 's/^listen_tls = 0$/listen_tls = 1/' "$host_var/etc/libvirt/libvirtd.conf"
  cat >>"$host_var/etc/libvirt/libvirtd.conf" <<CONF
ca_file = "/etc/libvirt/pki/ca-cert.pem"
cert_file = "/etc/libvirt/pki/server-cert.pem"
key_file = "/etc/libvirt/pki/server-key.pem"
CONF
}

# No users, no cgroups, no security driver: the namespaces are the lab's only walls.
write_qemu_conf() {
  cat >"$host_var/etc/libvirt/qemu.conf" <<CONF
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
security_default_confined = 0
seccomp_sandbox = 0
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
set_process_name = 0
max_core = 0
# the hosts share one file system: say so, or libvirt calls migrating a file-backed disk unsafe
shared_filesystems = [ "$var_dir/shared" ]
migration_address = "$host_ip"
migration_host = "$host_ip"
migration_port_min = 49152
migration_port_max = 49215
keepalive_interval = 2
keepalive_count = 3
CONF
  if has_certificates; then
    echo 'migrate_tls_x509_cert_dir = "/etc/libvirt/pki"' >>"$host_var/etc/libvirt/qemu.conf"
    echo 'migrate_tls_force = 1' >>"$host_var/etc/libvirt/qemu.conf"
  fi
  echo 'uri_default = "qemu:///system"' >"$host_var/etc/libvirt/libvirt.conf"
  : >"$host_var/etc/libvirt/libvirt-admin.conf"
}

write_storage_pool() { # lets libvirt create a local disk here that a migration brings along
  local storage=$host_var/etc/libvirt/storage
  mkdir -p "$storage/autostart"
  cat >"$storage/default.xml" <<XML
<pool type="dir"><name>default</name><target><path>/var/lib/libvirt/images</path></target></pool>
XML
  ln -sf /etc/libvirt/storage/default.xml "$storage/autostart/default.xml"
}

make_folders() {
  mkdir -p "$host_var"/{etc/libvirt/qemu,var/lib/libvirt/images,var/log/libvirt/console} \
    "$host_var"/{var/cache/libvirt,fake} /etc/libvirt /var/{lib,log,cache}/libvirt
  rm -rf "${host_run:?}/run" # a /run is empty after a boot
  mkdir -p "$host_run/run/libvirt/lab" "$host_run/run/lock"
}

start_init() {
  local supervisor child='' end=$((SECONDS + 30))
  # --kill-child: the host dies with its supervisor. setsid: a Ctrl-C in the terminal does not reach
  # it.
  setsid nsenter --net="/run/netns/$host_ns" \
    unshare -m -u -i -p -f --kill-child --mount-proc "$here/host-init.sh" "$lab_id" "$host" \
    </dev/null >>"$host_var/var/log/libvirt/init.log" 2>&1 9>&- &
  supervisor=$!
  record_process "$supervisor" "$host_run/supervisor.pid"
  until [ -n "$child" ]; do
    child=$(cat "/proc/$supervisor/task/$supervisor/children" 2>/dev/null) || true
    child=${child%% *}
    [ "$SECONDS" -lt "$end" ] || die "no start: $(tail -n 5 "$host_var/var/log/libvirt/init.log")"
    [ -n "$child" ] || sleep 0.02
  done
  record_process "$child" "$host_run/init.pid"
}

start_host() {
  if is_up; then return; fi
  [ -e "/run/netns/$switch_ns" ] || die 'the network is not up (net-up)'
  make_folders
  write_identity
  write_libvirtd_conf
  write_qemu_conf
  write_storage_pool
  plug_in
  start_init
  wait_for_answer
}

crash_host() {
  local pid end=$((SECONDS + 30))
  if pid=$(init_pid); then
    kill -9 "$pid" 2>/dev/null || true # the kernel kills every process of its PID namespace with it
    while is_up; do
      [ "$SECONDS" -lt "$end" ] || die 'does not die'
      sleep 0.02
    done
  fi
  if pid=$(recorded_pid "$host_run/supervisor.pid"); then kill -9 "$pid" 2>/dev/null || true; fi
  rm -f "$host_run/init.pid" "$host_run/supervisor.pid"
  ip netns del "$host_ns" 2>/dev/null || true
  # its veth pair goes with the namespace, but only once the last process has let go of that
  ip -n "$switch_ns" link del "p$host" 2>/dev/null || true
}

stop_host() {
  local pid _
  if is_up && pid=$(cat "$host_run/run/libvirtd.pid" 2>/dev/null); then
    in_host kill "$pid" 2>/dev/null || true
    for _ in {1..100}; do
      in_host test -e "/proc/$pid" 2>/dev/null || break
      sleep 0.05
    done
  fi
  crash_host
}

signal_all() { # signal_all SIGNAL: every process of the host but its PID 1, the power switch
  local init pid
  init=$(readlink "/proc/$(init_pid)/ns/pid")
  for pid in /proc/[0-9]*; do
    pid=${pid#/proc/}
    [ "$(readlink "/proc/$pid/ns/pid" 2>/dev/null)" = "$init" ] || continue
    [ "$pid" = "$(init_pid)" ] || kill "-$1" "$pid" 2>/dev/null || true
  done
}

# ---- faked facts; they show from the host's next start on ----

fake_cpu() { # a wrapper around QEMU: every x86 CPU model of this host lacks these features
  local wrapper=$host_var/fake/qemu-wrapper feature
  mkdir -p "$host_var/fake"
  rm -f "$wrapper"
  [ -n "$1" ] || return 0
  {
    echo '#!/bin/bash'
    echo "# this host's CPU lacks: $1"
    printf 'exec -a /usr/bin/qemu-system-x86_64 /var/lib/libvirt/lab-qemu'
    printf ' -L /usr/share/qemu -L /usr/share/seabios "$@"'
    for feature in $1; do printf ' -global x86_64-cpu.%s=off' "$feature"; done
    echo
  } >"$wrapper"
  chmod +x "$wrapper"
}

# Both places that libvirt reads: the memory of the machine and that of each of its NUMA nodes. Of
# several nodes the first one gets all, so that the sums agree.
fake_memory() { # fake_memory MIB
  local real total share folder=$host_var/fake/memory
  rm -rf "$folder"
  [ -n "$1" ] || return 0
  mkdir -p "$folder"
  total=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)
  for real in /proc/meminfo /sys/devices/system/node/node*/meminfo; do
    [ -e "$real" ] || continue
    share=$(($1 * 1024))
    case $real in */node0/* | /proc/*) ;; *) share=0 ;; esac
    awk -v share="$share" -v total="$total" '
      !match($0, /[0-9]+ kB$/) { print; next }
      { kib = /MemTotal/ ? share : $(NF - 1) * share / total
        printf "%s%d kB\n", substr($0, 1, RSTART - 1), kib }
    ' "$real" >"$folder/$(echo "$real" | tr / _)"
  done
}

fake_cpus() { # the machine's CPUs that are online on this host, as the kernel writes them: 0-1
  mkdir -p "$host_var/fake"
  rm -f "$host_var/fake/online"
  [ -z "$1" ] || echo "$1" >"$host_var/fake/online"
}

# ---- certificates: one for both ends of every channel, in the names that QEMU wants, and libvirt's

make_authority() { # make_authority FOLDER: once for the whole lab
  exec 8>"$run_dir/authority.lock"
  flock 8
  if [ ! -e "$1/ca-cert.pem" ]; then
    mkdir -p "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
      -keyout "$1/ca-key.pem" -out "$1/ca-cert.pem" -config /dev/stdin 2>/dev/null <<CONF
[req]
distinguished_name = name
x509_extensions = authority
prompt = no
[name]
CN = drover lab $lab_id
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
CONF
  fi
  exec 8>&-
}

certify() { # by its name alone, as people do: its addresses are not in the certificate
  local authority=$var_dir/authority pki=$host_var/etc/libvirt/pki end
  make_authority "$authority"
  mkdir -p "$pki"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$host_name" \
    -keyout "$pki/server-key.pem" -out "$pki/request.pem" 2>/dev/null
  openssl x509 -req -in "$pki/request.pem" -out "$pki/server-cert.pem" -days 2 \
    -CA "$authority/ca-cert.pem" -CAkey "$authority/ca-key.pem" -CAcreateserial \
    -extfile /dev/stdin 2>/dev/null <<CONF
subjectAltName = DNS:$host_name
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
CONF
  for end in cert key; do
    ln -sf "server-$end.pem" "$pki/client-$end.pem"
    ln -sf "server-$end.pem" "$pki/client$end.pem"
  done
  cp "$authority/ca-cert.pem" "$pki/"
  ln -sf ca-cert.pem "$pki/cacert.pem"
}

# ---- the whole lab ----

take_down() {
  local dir
  for dir in "$run_dir"/h[0-9]*; do
    [ -d "$dir" ] || continue
    use_host "${dir##*/h}"
    crash_host
  done
  ip netns del "$switch_ns" 2>/dev/null || true
  rm -rf "${run_dir:?}" "${var_dir:?}"
}

main() {
  [ $# -ge 2 ] || { sed -n '2,/^set /{/^set /!p}' "${BASH_SOURCE[0]}" >&2; exit 2; }
  use_lab "$1"
  local command=$2
  case $command in
    net-up) net_up; return ;;
    down) take_down; return ;;
  esac
  use_host "${3:-}"
  shift 3
  case $command in
    start) start_host ;;
    stop) stop_host ;;
    crash) crash_host ;;
    power) if is_up; then echo on; else echo off; fi ;;
    daemon-kill) need_up; in_host kill -9 "$(daemon_pid)" ;;
    daemon-start) need_up; kill -USR1 "$(init_pid)"; wait_for_answer ;;
    daemon-freeze) need_up; in_host kill -STOP "$(daemon_pid)" ;;
    daemon-thaw) need_up; in_host kill -CONT "$(daemon_pid)" ;;
    freeze) need_up; signal_all STOP ;;
    thaw) need_up; signal_all CONT ;;
    link-down) ip -n "$switch_ns" link set "p$host" down ;;
    link-up) ip -n "$switch_ns" link set "p$host" up ;;
    link-rate)
      need_up
      limit_port "$host_ns" eth0 "${1:?}"
      limit_port "$switch_ns" "p$host" "$1"
      ;;
    fake-cpu) fake_cpu "${1-}" ;;
    fake-memory) fake_memory "${1-}" ;;
    fake-cpus) fake_cpus "${1-}" ;;
    certify) certify ;;
    exec) need_up; in_host "$@" ;;
    *) die "unknown command: $command" ;;
  esac
}
main "$@"
