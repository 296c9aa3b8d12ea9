# SPDX-License-Identifier: Apache-2.0
# Runs beside a command and ends what is left of it when the client goes away: when stdin ends before it said "done". Its
# first line is the command's session, an id that all of it has in the environment, descendants included.
read -r session || exit 0

# The longest line of the cgroup file is the one that names the container.
own=''
while IFS= read -r line; do
	[ "${#line}" -gt "${#own}" ] && own=$line
done </proc/self/cgroup

left() {
	# shellcheck disable=SC2013 # no name of these has a space
	for file in $(grep -lxsF -e "$own" /proc/[0-9]*/cgroup); do
		pid=${file#/proc/}
		pid=${pid%/cgroup}
		tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qxF "SHAREPROC_SESSION=$session" && echo "$pid"
	done
}

watch() {
	read -r word
	[ "$word" = "done" ] && return
	for signal in HUP TERM KILL KILL; do
		pids=$(left 2>/dev/null)
		[ -z "$pids" ] && return
		# shellcheck disable=SC2086 # they are several words
		kill -"$signal" $pids 2>/dev/null
		# What is stopped gets its signal when it goes on.
		# shellcheck disable=SC2086
		kill -CONT $pids 2>/dev/null
		sleep 1
	done
}

# A second process, since the runtime kills the first one of an exec whose connection is gone (containerd, over SPDY).
# Descriptor 3, since 0 of what runs in the background is /dev/null.
exec 3<&0
watch <&3 &
wait
