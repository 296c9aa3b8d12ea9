# SPDX-License-Identifier: Apache-2.0
# Every process. The answer is read by list.go:
#   boot time NUL, this script's PID NUL, lines of status and of its owner NUL, lines of stat and cgroup NUL (grep puts PID/FILE: before
#   each, so no name of a process can pass for a line of another), then for each process its PID, whose root is its
#   root ("-" for denied) and its arguments in hexadecimal NUL; NUL; then PID NUL passwd NUL for each root.
guard
need 60 cat
need 62 grep
need 63 head
need 64 od
need 65 readlink
need 67 stat
need 68 tr
need 69 xargs
cd "$1" || finish 50
grep '^btime ' stat 2>/dev/null
printf '\0%s\0' "$$"
printf '%s\0' [0-9]*/status |
	xargs -0 grep -HE '^(Name|State|PPid|Uid|Gid|Threads|VmRSS|SigBlk|SigIgn|SigCgt):' 2>/dev/null
# The files of a process that is not dumpable are root's (proc(5)).
printf '%s\0' [0-9]*/status | xargs -0 stat -c '%n:Owner:	%u' 2>/dev/null
printf '\0'
printf '%s\0' [0-9]*/stat [0-9]*/cgroup | xargs -0 grep -H '' 2>/dev/null
printf '\0'
roots=
for p in [0-9]*; do
	same=-
	if [ -d "$p/root/." ]; then
		same=$p
		for q in $roots; do
			[ ! "$p/root/." -ef "$q/root/." ] || { same=$q && break; }
		done
		[ "$same" != "$p" ] || roots="$roots $p"
	fi
	printf '%s %s' "$p" "$same"
	od -v -An -tx1 -N 65536 "$p/cmdline" 2>/dev/null
	printf '\0'
done
printf '\0'
for pid in $roots; do
	root=$pid/root
	printf '%s\0' "$pid"
	table /etc/passwd
	printf '\0'
done
finish 0
