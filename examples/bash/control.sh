#!/usr/bin/env bash
# Asks a session something at any time, also while a snippet runs, and shows the answer as JSON:
#
#     control.sh SOCKET status|interrupt|restart|stop|runs|stack
#
# Ends with 1 if the server refused.
set -euo pipefail

socket=${1:?usage: control.sh SOCKET status|interrupt|restart|stop|runs|stack}
op=${2:-status}

talk() {
  if command -v socat >/dev/null; then
    socat -t 2147483 - "UNIX-CONNECT:$socket"
  else
    nc -N -U "$socket"
  fi
}

jq --null-input --compact-output --arg op "$op" '{op: $op, id: 1}' |
  talk |
  jq 'if .error then "\(.error.code): \(.error.message)\n" | halt_error(1) else .reply end'
