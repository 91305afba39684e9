#!/bin/sh
# wget of pods that really run. Debian builds busybox 1.35 without the time-out of its wget. Here `timeout` keeps
# the time, of the whole download.
seconds=
left=$#
while [ "$left" -gt 0 ]; do
  word=$1
  shift
  left=$((left - 1))
  case $word in
    -T | -[cqS]T | -[cqS][cqS]T | --timeout)
      seconds=$1
      shift
      left=$((left - 1))
      ;;
    -T* | -[cqS]T* | -[cqS][cqS]T*) seconds=${word#*T} ;;
    --timeout=*) seconds=${word#*=} ;;
    *) set -- "$@" "$word" && continue ;;
  esac
  # What came before the T in one word.
  flags=${word%%T*}
  case $word in -[cqS]*) set -- "$@" "$flags" ;; esac
done
[ -n "$seconds" ] || exec busybox wget "$@"
timeout "$seconds" busybox wget "$@"
code=$?
# As 128 + SIGTERM.
[ "$code" -eq 143 ] || exit "$code"
echo "wget: download timed out" >&2
exit 1
