# SPDX-License-Identifier: Apache-2.0
# The helper's own process: waits, and ends after $1 seconds without a command. Every command is an exec
# in this container. Busy means: a process in this container's control group that this script did not
# start, or a command that left its mark and has ended since the last look.
keep=$1
step=5
[ "$keep" -lt "$step" ] && step=1
mark=/tmp/.shareproc state=/tmp/.shareproc-state
# A child left behind would become the target's first process's, which may never reap it.
nap=
trap '[ -z "$nap" ] || kill "$nap" 2>/dev/null; wait; exit 0' TERM INT HUP

read -r self _ </proc/self/stat
# The longest line of the cgroup file is the one that names the container, on cgroup v1 and v2 alike.
own=
while IFS= read -r line; do
	[ "${#line}" -gt "${#own}" ] && own=$line
done </proc/self/cgroup

busy() {
	if [ -e "$mark" ]; then
		rm -f "$mark"
		return 0
	fi
	for file in $(grep -lxsF -e "$own" /proc/[0-9]*/cgroup); do
		pid=${file#/proc/}
		pid=${pid%/cgroup}
		[ "$pid" = "$self" ] && continue
		stat=
		while IFS= read -r line; do stat=$line; done 2>/dev/null <"/proc/$pid/stat"
		[ -n "$stat" ] || continue
		# What follows the last ")" is: state, parent, ...
		stat=${stat##*)}
		stat=${stat# * }
		[ "${stat%% *}" = "$self" ] || return 0
	done
	return 1
}

idle=0
while [ "$idle" -lt "$keep" ]; do
	# For whoever asks: which process to end, and for how long it has been idle.
	echo "$self $idle" 2>/dev/null >"$state"
	sleep "$step" &
	nap=$!
	wait
	if busy; then
		idle=0
	else
		idle=$((idle + step))
	fi
done
