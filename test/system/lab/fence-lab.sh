#!/bin/bash
# The power switch of a lab as a fence agent: options on standard input, one `name=value` a line,
# as those of the package fence-agents take them. `lab` is the lab's id, `plug` the host's number.
#
#   status   says "Status: ON" and ends with 0, or "Status: OFF" and 2
#   off, on  cuts the power of the host at once; boots it
set -euo pipefail
host_sh=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/host.sh
action='' lab='' plug=''
while IFS='=' read -r name value; do
  case $name in
    action | lab | plug) declare "$name=$value" ;;
  esac
done
case $action in
  status)
    power=$("$host_sh" "$lab" power "$plug")
    echo "Status: ${power^^}"
    [ "$power" = on ] || exit 2
    ;;
  off) "$host_sh" "$lab" crash "$plug" ;;
  on) "$host_sh" "$lab" start "$plug" ;;
  *)
    echo "fence-lab: unknown action '$action'" >&2
    exit 1
    ;;
esac
