#!/bin/sh
# A container engine of a few lines for tests: `exec` runs the command right here, with /eventline where the volume is.
# Every call is a line of $DOCKER_FAKE/calls. It can't keep anything apart, so it refuses to signal "all processes".
set -u
state=$DOCKER_FAKE
printf '%s\n' "$*" >>"$state/calls"
env >"$state/environment"
case $1 in
run)
    case " $* " in *" no-such-image "*) echo "Unable to find image 'no-such-image' locally" >&2; exit 125 ;; esac
    name=$(printf '%s\n' "$@" | sed -n '/^--name$/{n;p;}')
    printf '%s\n' "$@" | sed -n '/^--volume$/{n;s/:.*//;p;}' >"$state/$name"
    echo "id of $name"
    ;;
exec)
    case "$*" in *"kill -TERM -1"*) exit 0 ;; esac
    volume=$(cat "$state/$2") || exit 1
    shift 2
    echo $$ >>"$state/pids"
    for word do
        shift
        set -- "$@" "$(printf '%s' "$word" | sed "s|/eventline/|$volume/|g")"
    done
    exec "$@"
    ;;
rm)
    for pid in $(cat "$state/pids" 2>/dev/null); do kill -9 "-$pid" 2>/dev/null; done
    : >"$state/removed"
    ;;
esac
