# SPDX-License-Identifier: Apache-2.0
# What does the kernel say about processes and their cgroup?

# verb_inspect PROC WHAT... reads texts of the processes in $names, or of all. WHAT is each:FILE, text:FILE, hex:FILE,
# node:FILE, fds, fdcount, tasks, machine or clock. Answer: for each text its path NUL, the text without its NULs NUL, its state NUL: "+" for
# read, "-" for denied, "0" for gone. A text that grep makes has PATH: before each line, so that no name passes for a line.
verb_inspect() {
	need cat grep head od stat tr xargs || return
	cd "$1" 2>/dev/null || return "$NO_PROCESS"
	shift
	set +f
	[ -n "$names" ] || names=$(printf '%s\n' [0-9]*)
	for what; do
		file=${what#*:}
		case $what in
		each:*)
			printf '%s\0' "$what"
			for p in $names; do printf '%s\0' "$p/$file"; done | xargs -0 grep -H '' 2>/dev/null
			printf '\0+\0'
			;;
		node:*) text "$file" ;;
		machine) printf 'machine\0%s\0+\0' "$(uname -m 2>/dev/null)" ;;
		text:*) for p in $names; do text "$p/$file"; done ;;
		hex:*) for p in $names; do hex "$p/$file"; done ;;
		fds) for p in $names; do fds "$p"; done ;;
		fdcount) for p in $names; do fdcount "$p"; done ;;
		tasks) for p in $names; do tasks "$p"; done ;;
		clock) clock ;;
		esac
	done
}

# readable FILE opens a file as descriptor 4, or prints an empty text with its state.
readable() {
	printf '%s\0' "$1"
	{ command exec 4<"$1"; } 2>/dev/null && return
	state=0
	[ ! -e "$1" ] || state=-
	printf '\0%s\0' "$state"
	return 1
}

text() {
	readable "$1" || return 0
	head -c 8000000 <&4 2>/dev/null | tr -d '\000'
	printf '\0+\0'
	exec 4<&-
}

hex() {
	readable "$1" || return 0
	od -v -An -tx1 -N 2097152 <&4 2>/dev/null | tr -d ' \n'
	printf '\0+\0'
	exec 4<&-
}

# fds PID prints what its descriptors are called (N//'N' -> 'NAME'), the facts about what they lead to, and where they are.
fds() {
	state=+
	set -- "$1" "$1"/fd/[0-9]*
	[ -L "$2" ] || {
		state=0
		[ ! -d "$1" ] || state=-
	}
	p=$1
	shift
	printf '%s/fd\0' "$p"
	[ "$state" != + ] || printf '%s\0' "$@" | xargs -0 stat -c '%n//%N' 2>/dev/null | tr -d '\000'
	printf '\0%s\0%s/fdstat\0' "$state" "$p"
	[ "$state" != + ] || printf '%s\0' "$@" | xargs -0 stat -L -c "%n//$facts" 2>/dev/null
	printf '\0%s\0%s/fdinfo\0' "$state" "$p"
	[ "$state" != + ] || printf '%s\0' "$p"/fdinfo/[0-9]* | xargs -0 grep -HE '^(pos|flags):' 2>/dev/null
	printf '\0%s\0' "$state"
}

fdcount() {
	set -- "$1" "$1"/fd/[0-9]*
	printf '%s/fdcount\0' "$1"
	if [ -L "$2" ]; then
		printf '%s\0+\0' "$(($# - 1))"
	else
		printf '\0-\0'
	fi
}

# tasks PID prints stat, wchan and syscall of its threads.
tasks() {
	printf '%s/tasks\0' "$1"
	printf '%s\0' "$1"/task/[0-9]*/stat "$1"/task/[0-9]*/wchan "$1"/task/[0-9]*/syscall | xargs -0 grep -H '' 2>/dev/null
	printf '\0+\0'
}

# clock prints the time and, as of the same moment, for how long the node has run: a file of /proc is as old as the look at it.
# A node that is busy has several tries to do both in 10 ms.
clock() {
	for _ in 1 2 3 4 5 6 7 8; do
		IFS=' ' read -r before _ <uptime
		now=$(stat -c %z /proc/self/fd)
		IFS=' ' read -r up _ <uptime
		[ "$before" != "$up" ] || break
	done
	printf 'clock\0%s %s\0+\0' "$now" "$up"
} 2>/dev/null

# verb_cgroup PROC PID FILE... reads files below /sys/fs/cgroup of a process's root, where a runtime mounts the cgroup of its
# container. Answer: the node's uptime and the files, as verb_inspect's. What is no cgroup file system there is left out.
verb_cgroup() {
	need head stat tr || return
	cd "$1" 2>/dev/null || return "$NO_PROCESS"
	[ -d "$2" ] || return "$NO_PROCESS"
	{ command exec 9<"$2/root/."; } 2>/dev/null || return "$ROOT_DENIED"
	proc=$1 pid=$2
	shift 2
	resolve /sys/fs/cgroup 1 || return
	[ "$name" = . ] || return "$NOT_DIRECTORY"
	(cd "$proc" && text uptime)
	for file; do
		[ -f "./$file" ] || continue
		case $(stat -f -c %t "./$file" 2>/dev/null) in
		63677270 | 27e0eb) text "$file" ;;
		esac
	done
}
