# SPDX-License-Identifier: Apache-2.0
# Which process? Its root stays open as descriptor 9 for all later requests, whatever becomes of its number.

# content FILE sets text to a small file of /proc: a process name may have newlines.
content() {
	text=''
	while IFS= read -r line || [ -n "$line" ]; do
		text=$text$line$nl
	done 2>/dev/null <"$1"
	[ -n "$text" ]
}

# ticks PID prints when a process started (field 22 of stat).
ticks() {
	content "$1/stat" || return
	IFS=' '
	# shellcheck disable=SC2086 # words
	set -- ${text##*) }
	shift 19
	printf '%s' "$1"
}

# earliest sorts the processes on stdin (lines PID/cgroup) by their start, then by PID.
earliest() {
	while IFS=/ read -r p _; do
		start=$(ticks "$p") && printf '%s %s\n' "$start" "$p"
	done | sort -n -k 1,1 -k 2,2 | while IFS=' ' read -r _ p; do
		printf '%s ' "$p"
	done
}

# by_container ID prints the processes whose cgroup names the container.
by_container() {
	set +f
	printf '%s\0' [0-9]*/cgroup | xargs -0 grep -lF -e "$1" 2>/dev/null
}

# by_cgroup PID prints the processes with the same cgroup, none where the helper itself has it.
by_cgroup() {
	content self/cgroup
	mine=$text
	content "$1/cgroup" && [ "$text" != "$mine" ] || return
	wanted=$text
	set +f
	for p in [0-9]*/cgroup; do
		[ "$p" = "$1/cgroup" ] || { content "$p" && [ "$text" = "$wanted" ] && printf '%s\n' "$p"; }
	done
}

# candidates PID CONTAINER OPTIONS sets found to the processes to try, the best first.
candidates() {
	if [ "$1" != 0 ]; then
		[ -d "$1" ] || return "$NO_PROCESS"
		found=$1
		case $3 in
		*siblings*) found="$1 $(by_cgroup "$1" | earliest)" ;;
		esac
		return
	fi
	found=''
	[ -z "$2" ] || found=$(by_container "$2")
	case $found in
	*"$nl"*) found=$(printf '%s\n' "$found" | earliest) ;;
	*) found=${found%%/*} ;;
	esac
	case $2:$3:$found in
	:*:* | *:*alone*:) found="1 $(by_cgroup 1 | earliest)" ;;
	*:) return "$NO_MEMBER" ;;
	esac
}

# verb_open PROC PID CONTAINER OPTIONS. With the option whole, who is in a part of the root is passed over. Answer: PID NUL, PIDs
# that denied their root NUL, stat NUL, status NUL, owner NUL, mountinfo NUL, passwd NUL, group NUL; without a root it ends
# behind the owner.
verb_open() {
	need cat dd find grep head readlink sort stat tr xargs || return
	cd "$1" 2>/dev/null || return "$NO_PROCESS"
	proc=$1
	candidates "$2" "$3" "$4" || return
	IFS=' '
	pid='' denied=''
	for p in $found; do
		[ -d "$p" ] || continue
		case $4 in
		*whole*) whole "$p" || continue ;;
		esac
		# "command", since a shell ends where its own exec fails.
		if { command exec 9<"$p/root/."; } 2>/dev/null; then
			pid=$p
			break
		fi
		denied="$denied $p"
	done
	asked=${denied# }
	asked=${pid:-${asked%% *}}
	[ -n "$asked" ] || return "$NO_PROCESS"
	printf '%s\0%s\0' "$asked" "$denied"
	cat "$asked/stat" 2>/dev/null || return "$NO_PROCESS"
	printf '\0'
	cat "$asked/status" 2>/dev/null
	printf '\0'
	stat -c %u "$asked/status" 2>/dev/null
	printf '\0'
	[ -n "$pid" ] || return "$ROOT_DENIED"
	cat "$pid/mountinfo" 2>/dev/null
	printf '\0'
	(table /etc/passwd)
	printf '\0'
	(table /etc/group)
	printf '\0'
}

# whole PID says whether a process has its container's root, in which each runtime mounts /proc, and no part of it (chroot).
whole() { grep -q ' /proc r[wo]' "$1/mountinfo" 2>/dev/null; }

# verb_cwd. Answer: the physical path of the process's working directory NUL.
verb_cwd() {
	text=$(readlink "$pid/cwd" 2>/dev/null && echo .) || return "$DENIED"
	base=$(readlink "$pid/root" 2>/dev/null && echo .) || return "$DENIED"
	text=${text%"$nl."} base=${base%"$nl."}
	case $text in
	"${base%/}" | "${base%/}"/*) text=${text#"${base%/}"} ;;
	esac
	# The text is a name; the kernel knows the directory.
	resolve "${text:-/}" n && [ "$name" = . ] && [ . -ef "$proc/$pid/cwd/." ] || return "$GONE"
	printf '%s\0' "${at:-/}"
}

# table PATH prints a small text file of the target, without its NULs. A file of a kernel file system might block.
table() {
	resolve "$1" 1 && [ -f "./$name" ] || return
	case $at in
	/proc/* | /sys/*) return ;;
	esac
	head -c 1048576 "./$name" 2>/dev/null | tr -d '\000'
}
