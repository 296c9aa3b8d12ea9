# SPDX-License-Identifier: Apache-2.0
# Goes in front of fs.sh for questions about all that is below a path. It is answered, behind the facts, in items that
# begin with a letter (tree.go): those of the batches (walk.sh, sum.sh, grep.sh), then "e", find's status and xargs's.
below() {
	if [ -d "$here" ]; then
		case $options in
		*single*) finish 42 ;;
		esac
		opened=
		{ opened=1; } 2>/dev/null <"$here"
		[ -n "$opened" ] || finish 45
	elif [ "$verb" != walk ]; then
		[ -f "$here" ] || finish 43
		opened=
		{ opened=1; } 2>/dev/null <"$here"
		[ -n "$opened" ] || finish 45
	fi
	only= depth=$extra kinds= pattern= room=
	case $verb in
	# A shell for each 32 KiB of names, which is what busybox makes of no size, is a third of what a walk costs.
	walk) room='-s 400000' ;;
	sum)
		need 70 sha256sum
		only=f
		;;
	grep)
		only=f depth=${extra%%:*} pattern=${extra#*:}
		flags
		;;
	esac
	export options pattern kinds
	tell
	# The statuses come through the substitution, since the batches have the answer for themselves.
	{
		state=$({ { flood; printf 'find %s ' "$?" >&5; } | { xargs -0 -r -n 4000 $room sh -c "$batch" sh >&4 2>/dev/null; printf 'xargs %s' "$?" >&5; }; } 5>&1)
	} 4>&1
	case $verb:$state in
	"walk:find 0 xargs 0") ;;
	walk:*) closed ;;
	esac
	printf 'e%s\0' "$state"
	finish 0
}

# closed looks at all directories once more, for what find or stat could not: to do that at once would cost every tree
# the most that it costs the shell.
closed() {
	only=d device=
	[ -z "$depth" ] || depth=$((depth - 1))
	case $options in
	*xdev*) device=${line%%:*} ;;
	esac
	export device
	flood | xargs -0 -r sh -c "$batch" folders 2>/dev/null
}

# flood prints what is to be looked at. The kernel's own trees are named, and not entered, where the root is the start.
flood() {
	set --
	[ -z "$depth" ] || set -- -maxdepth "$depth"
	case $options in
	*xdev*) set -- "$@" -xdev ;;
	esac
	case $where:$only:$options in
	/:*:*kernel*) ;;
	/:[fd]:*) set -- "$@" '(' -path "$here/proc" -o -path "$here/sys" ')' -prune -o ;;
	/:*) set -- "$@" '(' -path "$here/proc" -o -path "$here/sys" ')' -prune -print0 -o ;;
	esac
	case $only in
	f) set -- "$@" '(' -type f -o -type d ')' ;;
	d) set -- "$@" -type d ;;
	esac
	find "$here" "$@" -print0 2>/dev/null
}

# flags sets what grep is called with, and tries it on an empty line: busybox reads a pattern no sooner.
flags() {
	case $options in
	*case*) kinds="$kinds -i" ;;
	esac
	case $options in
	*fixed*) kinds="$kinds -F" ;;
	*extended*) kinds="$kinds -E" ;;
	esac
	echo | grep -q $kinds -e "$pattern" 2>/dev/null
	[ "$?" -le 1 ] || finish 53
}
