# SPDX-License-Identifier: Apache-2.0
# Tells of the helper that it runs in for how long it has been idle and whether it is in use. With $1 "end" it ends a
# helper that is not in use, with "force" any. $2 is what the helper wrote of itself (wait.sh, persist.sh), $3 is /proc.
# It ends with 3: in use; 4: the helper's own process is not found; 5: it can't be ended.
want=$1 state=$2 proc=$3

# The helper empties the file before it writes it.
pid='' idle='' main=''
for again in 0 1; do
	sleep "$again"
	[ -f "$state" ] || continue
	read -r _ pid _ idle main 2>/dev/null <"$state" && break
done
case ${pid:-x}${idle:-x}$main in *[!0-9]*) exit 4 ;; esac

read -r self _ <"$proc/self/stat"
# The longest line of the cgroup file is the one that names the container, on cgroup v1 and v2 alike.
own=
while IFS= read -r line; do
	[ "${#line}" -gt "${#own}" ] && own=$line
done <"$proc/self/cgroup"

# words PID: its command line. grep reads no further than a NUL.
words() { tr '\0' '\n' 2>/dev/null <"$proc/$1/cmdline"; }

# Whoever works in the helper can write to the file: a process is only ended if it is the helper's.
grep -qxsF -e "$own" "$proc/$pid/cgroup" && words "$pid" | grep -qF SHAREPROC_WAIT || exit 4

# known PID: belongs to the helper itself, or to this script wherever else somebody runs it. What has ended uses nothing.
# Of a helper that keeps a shell, main is the container's process: it and its children, the shell, are at rest.
known() {
	at=$1
	[ "$at" = "$main" ] && return 0
	while [ "$at" -gt 0 ]; do
		[ "$at" = "$pid" ] || [ "$at" = "$self" ] && return 0
		stat=
		while IFS= read -r line; do stat=$line; done 2>/dev/null <"$proc/$at/stat"
		# What follows the last ")" is: state, parent, ...
		stat=${stat##*)}
		case $stat in '' | ' Z'* | ' X'*) [ "$at" = "$1" ] && return 0 || return 1 ;; esac
		words "$at" | grep -qxF shareproc-look && return 0
		stat=${stat# * }
		[ "$at" = "$1" ] && [ "${stat%% *}" = "$main" ] && return 0
		at=${stat%% *}
	done
	return 1
}

used=0
# shellcheck disable=SC2013 # no name of these holds a space
for file in $(grep -lxsF -e "$own" "$proc"/[0-9]*/cgroup); do
	file=${file%/cgroup}
	known "${file##*/}" || { used=1; break; }
done
echo "idle $idle used $used"
[ "$want" = look ] && exit 0
[ "$used" = 1 ] && [ "$want" != force ] && exit 3
kill -TERM "$pid" 2>/dev/null || exit 5
# What is stopped gets its signal when it goes on.
kill -CONT "$pid" 2>/dev/null
exit 0
