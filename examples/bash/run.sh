#!/usr/bin/env bash
# Runs the snippet on standard input in a session:
#
#     run.sh SOCKET [NAME] < snippet.py
#
# Shows what it prints and what it hands to get() as they come; NAME is what tracebacks call the snippet.
# Ends with 0, with 10 if the snippet raised, with 1 if it did not come to its end or was not run at all.
set -euo pipefail

socket=${1:?usage: run.sh SOCKET [NAME] < snippet.py}
name=${2:-}

# Sends standard input, ends it, and shows what comes back until the server has answered and closed.
talk() {
  if command -v socat >/dev/null; then
    socat -t 2147483 - "UNIX-CONNECT:$socket"
  else
    nc -N -U "$socket"
  fi
}

jq --raw-input --slurp --compact-output --arg name "$name" \
  '{op: "run", id: 1, code: .} + (if $name == "" then {} else {name: $name} end)' |
  talk |
  jq --unbuffered --join-output '
    def words: if type == "object" then (.["$bytes"] | @base64d) else . end;
    if .event == "get" or .event == "stdout" then .text | words
    elif .event == "stderr" then .text | words | stderr | empty
    elif .error then "\(.error.code): \(.error.message)\n" | halt_error(1)
    elif .event != "done" or .status == "ok" then empty
    elif .status == "error" then .exception.traceback | halt_error(10)
    else "\(.status): \(.reason.message // .code // "")\n" | halt_error(1)
    end'
