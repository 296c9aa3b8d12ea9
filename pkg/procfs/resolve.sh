# SPDX-License-Identifier: Apache-2.0
# resolve PATH FOLLOW walks PATH below $root the way the process itself would: an absolute link starts again at $root,
# ".." stops there. It sets at: the physical path below $root, "" for $root itself. FOLLOW is 1 when a link in last
# place is followed too. The status is a code of errors.go.
# The walk is by hand because the kernel would start an absolute link again at the helper's own root.
resolve() {
	rest=$1 at= hops=0
	[ "${#rest}" -le 4095 ] || return 46
	while :; do
		while :; do
			case $rest in
			/*) rest=${rest#/} ;;
			*) break ;;
			esac
		done
		[ -n "$rest" ] || return 0
		case $rest in
		*/*) name=${rest%%/*} rest=${rest#*/} more=/ ;;
		*) name=$rest rest= more= ;;
		esac
		case $name in
		.) continue ;;
		..) at=${at%/*} && continue ;;
		esac
		step "$2" || return
	done
}

# step takes $at one name further; a link becomes part of the rest instead.
step() {
	next=$root$at/$name
	[ "${#name}" -le 255 ] && [ "${#next}" -le 4095 ] || return 46
	if [ -L "$next" ]; then
		if [ "$1$more$rest" = 0 ]; then
			at=$at/$name
			return 0
		fi
		hops=$((hops + 1))
		[ "$hops" -le 40 ] || return 40
		link=$(readlink -n "$next" 2>/dev/null && echo .) || return 45
		link=${link%.}
		[ -n "$link" ] || return 44
		case $at/$name in
		# The kernel answers "self" with whoever asks; here it is meant for the target.
		/proc/self) link=$pid ;;
		/proc/thread-self) link=$pid/task/$pid ;;
		esac
		case $link in
		/*) at= ;;
		esac
		rest=$link$more$rest
		[ "${#rest}" -le 8191 ] || return 46
		return 0
	fi
	if [ -d "$next" ]; then
		at=$at/$name
		return 0
	fi
	if [ -e "$next" ]; then
		[ -z "$more" ] || return 41
		at=$at/$name
		return 0
	fi
	# Only a directory that cannot be entered hides whether the name is there.
	(cd "$root$at/.") 2>/dev/null || return 45
	return 44
}

# table PATH prints a small text file of the target, without its NULs. A file below /proc or /sys might block.
table() {
	resolve "$1" 1 || return 0
	case $at in
	/proc/* | /sys/*) return 0 ;;
	esac
	[ -f "$root$at" ] || return 0
	head -c 1048576 "$root$at" 2>/dev/null | tr -d '\000'
}
