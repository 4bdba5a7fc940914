# Names and places of a lab, sourced by the lab's shell scripts. paths.ts says the same for
# TypeScript: change both. The lab's id is in every name, so that two labs can run side by side; it
# is short, because the path of a unix socket must stay under 108 bytes.
# shellcheck shell=bash disable=SC2034

guest_dir=${XDG_CACHE_HOME:-/var/cache}/drover-lab
net_prefix=10.77.0 # a /24 that exists only inside the lab's own network namespaces

use_lab() { # use_lab ID
  if ! [[ $1 =~ ^[a-z0-9]{1,10}$ ]]; then
    echo "lab: the id must be 1 to 10 of a-z 0-9, not '$1'" >&2
    exit 2
  fi
  lab_id=$1
  run_dir=/run/drover-lab-$lab_id     # processes and sockets; gone when the machine reboots
  var_dir=/var/lib/drover-lab-$lab_id # each host's /etc/libvirt, /var/lib/libvirt, ...; disks
  switch_ns=drover-lab-$lab_id-sw
}

use_host() { # use_host N
  if ! [[ $1 =~ ^[1-9][0-9]?$ ]]; then
    echo "lab: a host is a number from 1 to 99, not '$1'" >&2
    exit 2
  fi
  host=$1
  host_run=$run_dir/h$host
  host_var=$var_dir/h$host
  host_ns=drover-lab-$lab_id-h$host
  host_ip=$net_prefix.$((10 + host))
  host_name=drover-$lab_id-h$host
  host_uri="qemu+unix:///system?socket=$host_run/run/libvirt/libvirt-sock"
}

# A process is recorded as "pid start-time": a pid alone may by now belong to somebody else.
start_time_of() { # field 22 of /proc/PID/stat; the command name before it may contain anything
  local line rest
  line=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  rest=${line##*) }
  # shellcheck disable=SC2086
  set -- $rest
  echo "${20}"
}

record_process() { echo "$1 $(start_time_of "$1")" >"$2"; } # record_process PID FILE

recorded_pid() { # prints the pid in FILE if that very process still lives
  local pid start
  [ -r "$1" ] && read -r pid start <"$1" || return 1
  [ "$(start_time_of "$pid")" = "$start" ] && echo "$pid"
}
