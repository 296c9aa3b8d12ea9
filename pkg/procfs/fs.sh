# SPDX-License-Identifier: Apache-2.0
# One question about one file below a process's root. The answer is read by answer.go:
#   PID NUL, PIDs that denied their root NUL, stat NUL, status NUL, physical path NUL, facts NUL, link target NUL,
#   passwd NUL, group NUL, then a directory's batches (batch.sh), a file's bytes, or what tree.sh says.
# An error ends it early; its code (errors.go) is in the mark. The second half, from "follow" on, looks at files (enter.sh).
verb=$1 proc=$2 pid=$3 container=$4 options=$5 path=$6 extra=$7
section || exit
batch=$text
guard
need 60 cat
need 61 find
need 62 grep
need 63 head
need 65 readlink
need 66 sort
need 67 stat
need 68 tr
need 69 xargs
cd "$proc" || finish 50
facts='%d:%i %f %s %u %g %h %t:%T %Y %y %b'
export facts

# ticks PID prints the start of a process (field 22 of stat, behind a name that may hold anything).
ticks() {
	text=$(cat "$1/stat" 2>/dev/null) || return
	set -- ${text##*) }
	printf '%s' "${20}"
}

# earliest sorts the processes on stdin (paths PID/cgroup) by start, then PID.
earliest() {
	while IFS=/ read -r p x; do
		t=$(ticks "$p") && printf '%s %s\n' "$t" "$p"
	done | sort -n -k 1,1 -k 2,2 | while read -r t p; do
		printf '%s ' "$p"
	done
}

# named prints the processes whose cgroup names the container.
named() {
	printf '%s\0' [0-9]*/cgroup | xargs -0 grep -lF -e "$1" 2>/dev/null
}

# twins prints the processes with the same cgroup as process $1, none where the helper itself has it.
twins() {
	text=$(cat "$1/cgroup" 2>/dev/null) || return
	[ "$text" != "$(cat self/cgroup 2>/dev/null)" ] || return
	for p in [0-9]*/cgroup; do
		[ "$p" = "$1/cgroup" ] || [ "$text" != "$(cat "$p" 2>/dev/null)" ] || printf '%s\n' "$p"
	done
}

case $pid in
0)
	candidates=
	[ -z "$container" ] || candidates=$(named "$container" | earliest)
	case $container:$options:$candidates in
	:*:* | *:*alone*:) candidates="1 $(twins 1 | earliest)" ;;
	*:) finish 52 ;;
	esac
	;;
*)
	candidates=$pid
	[ -d "$pid" ] || finish 50
	case $options in
	*siblings*) candidates="$pid $(twins "$pid" | earliest)" ;;
	esac
	;;
esac

denied= pid=
for p in $candidates; do
	[ -d "$p" ] || continue
	if [ -d "$p/root/." ]; then
		pid=$p
		break
	fi
	denied="$denied $p"
done
asked=${pid:-${denied# }}
asked=${asked%% *}
[ -n "$asked" ] || finish 50
printf '%s\0%s\0' "$asked" "$denied"
cat "$asked/stat" 2>/dev/null || finish 50
printf '\0'
grep -E '^(Name|State|Uid|Gid):' "$asked/status" 2>/dev/null
stat -c 'Owner:	%u' "$asked/status" 2>/dev/null
printf '\0'
[ -n "$pid" ] || finish 51
root=$pid/root

follow=1
case $verb in
lstat) follow=0 ;;
esac
resolve "$path" "$follow" || finish $?
here=$root${at:-/.} where=${at:-/}

# tell prints the facts.
tell() {
	printf '%s\0%s\0' "$where" "$line"
	if [ -L "$here" ]; then
		readlink -n "$here" 2>/dev/null
	fi
	printf '\0'
	case $options in
	*owners*)
		table /etc/passwd
		printf '\0'
		table /etc/group
		printf '\0'
		;;
	*) printf '\0\0' ;;
	esac
}

line=$(stat -c "$facts" "$here" 2>/dev/null) || finish 47

# list sends a directory's entries. "!" stands for what find could not look at: it has no names without facts, so a
# careful list takes the names from the shell.
list() {
	case $options in
	*careful*) names ;;
	*) find "$here" -mindepth 1 -maxdepth 1 -print0 2>/dev/null || printf '!\0' ;;
	esac | xargs -0 -r sh -c "$batch" sh 2>/dev/null
}

names() {
	for f in "$here"/* "$here"/.[!.]* "$here"/..?*; do
		case $f in
		"$here/*" | "$here/.[!.]*" | "$here/..?*")
			# A pattern that matched nothing, unless there is such a name.
			[ -L "$f" ] || [ -e "$f" ] || continue
			;;
		esac
		printf '%s\0' "$f"
	done
}

# copy sends the bytes of descriptor 4.
copy() {
	case $verb:$options in
	tail:*follow*) tail -n "$extra" -f <&4 & ;;
	tail:*) tail -n "$extra" <&4 & ;;
	*) cat <&4 & ;;
	esac
	job=$!
	wait "$job"
	set -- $?
	job=
	return "$1"
}

if [ "$verb" = lstat ] || [ "$verb" = stat ]; then
	tell
	finish 0
fi
case $verb in
walk | sum | grep) below ;;
tail) need 71 tail ;;
esac
if [ -d "$here" ]; then
	case $verb in
	read | tail) finish 42 ;;
	esac
	opened=
	{ opened=1; } 2>/dev/null <"$here"
	[ -n "$opened" ] || finish 45
	tell
	list
	finish 0
fi
[ "$verb" != list ] || finish 41
if [ ! -f "$here" ]; then
	[ "$verb" = show ] || finish 43
	tell
	finish 43
fi
same= opened= status=
{
	opened=1
	# What was opened is what was looked at, not a link put there meanwhile.
	[ "$(stat -L -c '%d:%i' /proc/self/fd/4)" = "${line%% *}" ] && same=1 && tell && copy
	status=$?
} 2>/dev/null 4<"$here"
[ -n "$opened" ] || finish 45
[ -n "$same" ] || finish 47
[ "$status" = 0 ] || finish 48
finish 0
