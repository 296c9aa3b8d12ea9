# SPDX-License-Identifier: Apache-2.0
# Runs a command whose / is the root of process $2, with the tools of this container. They are reached through the
# target's own /proc, as files of this shell's root, so that nothing is written into the target; this shell lives on for
# as long as the command does, since a process that is gone has no root. $1 is "try", which only tells by exit code what
# stands against it, "few" for those of the target's variables that name nothing secret, or "all" for all of them; the
# command follows, none is a shell.
#
# Exit codes: 41: the root can't be opened; 42: it has no /proc of these processes; 43: chroot is refused; 44: the tools
# don't run there; 45: there is no tool for it; 46: what it has at /proc is not the kernel's; 47: something is mounted over
# a process there; 48: the process has a user namespace of its own.
how=$1 pid=$2
shift 2
root=/proc/$pid/root here=/proc/$$/root

refuse() {
	[ "$how" = try ] || echo "cannot enter the root of process $pid (code $1): run debug --root without a command to see why" >&2
	exit "$1"
}

# Descriptor 9 is the root as it is now: a process that moves to another one, or mounts over it elsewhere, changes nothing
# of that. The kernel's word on the mount that is its /proc is compared with what descriptor 8 leads to.
[ -d "$root/." ] || refuse 41
command exec 9<"$root/." || refuse 41
[ -d "/proc/self/fd/9/proc/." ] || refuse 42
command exec 8<"/proc/self/fd/9/proc/." || refuse 42
mount=
while read -r key value; do
	[ "$key" = mnt_id: ] && mount=$value
done <"/proc/self/fdinfo/8"
kernels=no
while read -r id _ _ from point rest; do
	case $point in
	/proc)
		rest=${rest#* - }
		# A second one lies over the first.
		[ "$kernels $id $from ${rest%% *}" = "no $mount / proc" ] || refuse 46
		kernels=yes
		;;
	/proc/[0-9]*) refuse 47 ;;
	esac
done <"/proc/$pid/mountinfo"
[ "$kernels" = yes ] || refuse 46
# Whoever has no privilege mounts in a user namespace of his own. It is compared last: nobody comes back from there.
[ ! -e /proc/self/ns/user ] || [ "/proc/$pid/ns/user" -ef /proc/self/ns/user ] || refuse 48
# The same number is the same process there only in the same PID namespace.
[ "/proc/self/fd/9$here/." -ef /. ] || refuse 42

# Where this container has its tools: a shell that has them built in names no path.
path='' sh='' env=''
IFS=:
for dir in $PATH; do
	case $dir in
	/*) ;;
	*) continue ;;
	esac
	path=$path$here$dir:
	[ -n "$sh" ] || [ ! -x "$dir/sh" ] || sh=$here$dir/sh
	[ -n "$env" ] || [ ! -x "$dir/env" ] || env=$here$dir/env
done
unset IFS

if [ "$how" = try ]; then
	[ -n "$sh" ] && [ -n "$env" ] && command -v chroot >/dev/null && command -v tr >/dev/null || exit 45
	chroot /proc/self/fd/9 "$sh" -c 'exit 7' 2>/dev/null
	case $? in
	7) exit 0 ;;
	126 | 127) exit 44 ;;
	*) exit 43 ;;
	esac
fi

[ $# -gt 0 ] || set -- "$sh"
# The kernel says where the directory is as seen from the target's root. What stands at /dev/null there is not opened.
# shellcheck disable=SC2016 # the shell in the root expands it
set -- "$sh" -c 'cd -P "/proc/$1/cwd" 2>&- || cd /; shift; exec "$@" 8<&- 9<&-' shareproc "$pid" "$@"
# What becomes of this shell is short in a list of processes, and names no variable there.
set -- "$sh" -c 'trap : INT QUIT; chroot "$@"; exit' shareproc /proc/self/fd/9 "$@"

# A variable may hold a newline: NUL and newline change places with newline and \1, and back.
one=$(printf '\001')
words=$(tr '\000\012' '\012\001' 2>/dev/null <"/proc/$pid/environ")
own=
while IFS= read -r word; do
	case $word in
	PATH=*) own=${word#PATH=} && continue ;;
	SHAREPROC_* | TERM=* | HISTFILE=*) continue ;;
	HOME=* | USER=* | LOGNAME=* | TMPDIR=* | LANG=* | LANGUAGE=* | LC_*=* | TZ=* | JAVA_HOME=*) ;;
	=* | -*) continue ;;
	*=*) [ "$how" = all ] || continue ;;
	*) continue ;;
	esac
	rest=$word word=
	while :; do
		case $rest in
		*"$one"*) word=$word${rest%%"$one"*}'
' rest=${rest#*"$one"} ;;
		*) break ;;
		esac
	done
	set -- "$word$rest" "$@"
done <<END
$words
END
[ -z "$TERM" ] || set -- "TERM=$TERM" "$@"
# A shell without a history file writes down nothing of what is typed; /dev/null would be the target's.
exec "$env" -i HISTFILE='' "PATH=$path${own:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}" HOME=/ \
	"SHAREPROC_SESSION=$SHAREPROC_SESSION" "$@"
