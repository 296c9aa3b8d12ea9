# SPDX-License-Identifier: Apache-2.0
# Runs a command whose / is the root of process $2, with the tools of this container. They are reached through the
# target's own /proc, as files of this shell's root, so that nothing is written into the target; this shell lives on for
# as long as the command does, since a process that is gone has no root. $1 is "try", which only tells by exit code what
# stands against it, "few" for those of the target's variables that name nothing secret, or "all" for all of them; the
# command follows, none is a shell.
#
# try ends with 0: it works; 41: the root can't be opened; 42: the target has no /proc of these processes; 43: chroot is
# refused; 44: the tools don't run there; 45: there is no tool for it.
how=$1 pid=$2
shift 2
root=/proc/$pid/root here=/proc/$$/root

# Where this container has its tools: a shell that has them built in names no path.
path= sh= env=
IFS=:
for folder in $PATH; do
	case $folder in
	/*) ;;
	*) continue ;;
	esac
	path=$path$here$folder:
	[ -n "$sh" ] || [ ! -x "$folder/sh" ] || sh=$here$folder/sh
	[ -n "$env" ] || [ ! -x "$folder/env" ] || env=$here$folder/env
done
unset IFS

if [ "$how" = try ]; then
	[ -n "$sh" ] && [ -n "$env" ] && command -v chroot >/dev/null && command -v tr >/dev/null || exit 45
	[ -d "$root/." ] || exit 41
	[ -d "$root$here/." ] || exit 42
	chroot "$root" "$sh" -c 'exit 7' 2>/dev/null
	case $? in
	7) exit 0 ;;
	126 | 127) exit 44 ;;
	*) exit 43 ;;
	esac
fi

[ $# -gt 0 ] || set -- "$sh"
# The kernel says where the folder is as seen from the target's root.
set -- "$sh" -c 'cd -P "/proc/$1/cwd" 2>/dev/null || cd /; shift; exec "$@"' shareproc "$pid" "$@"
# What becomes of this shell is short in a list of processes, and names no variable there.
set -- "$sh" -c 'trap : INT QUIT; chroot "$@"; exit' shareproc "$root" "$@"

# A variable may hold a newline: NUL and newline change places with newline and \1, and back.
one=$(printf '\001')
words=$(tr '\000\012' '\012\001' 2>/dev/null <"/proc/$pid/environ")
own=
while IFS= read -r word; do
	case $word in
	PATH=*) own=${word#PATH=} && continue ;;
	SHAREPROC_* | TERM=*) continue ;;
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
exec "$env" -i "PATH=$path${own:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}" HOME=/ \
	"SHAREPROC_SESSION=$SHAREPROC_SESSION" "$@"
