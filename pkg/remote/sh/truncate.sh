# SPDX-License-Identifier: Apache-2.0
# Free the space of a file that has no name any more and that a process has open.

# verb_truncate PROC PID TICKS FD DEVICE:INODE makes it empty, if it still is that file of that process and has no name. Answer:
# its facts before NUL, and after NUL.
verb_truncate() {
	need stat || return
	cd "$1" 2>/dev/null && [ "$(ticks "$2")" = "$3" ] || return "$NO_PROCESS"
	[ -L "$2/fd/$4" ] || [ ! -d "$2/fd/." ] || return "$GONE"
	case $(stat -L -c %f "$2/fd/$4" 2>/dev/null) in
	8???) ;;
	'') return "$DENIED" ;;
	*) return "$SPECIAL" ;;
	esac
	# The process may exchange its descriptor: this one is ours, and is checked before anything is done through it.
	{ command exec 4<>"$2/fd/$4"; } 2>/dev/null || return "$WRITE_FAILED"
	wanted=$5
	before=$(stat -L -c "$facts" /proc/self/fd/4 2>/dev/null) || return "$CHANGED"
	IFS=' '
	# shellcheck disable=SC2086 # words
	set -- $before
	[ "$2 $7" = "$wanted 0" ] || return "$CHANGED"
	true 2>/dev/null >/proc/self/fd/4 || return "$WRITE_FAILED"
	printf '%s\0' "$before"
	stat -L -c "$facts" /proc/self/fd/4 2>/dev/null || return "$CHANGED"
	printf '\0'
}
