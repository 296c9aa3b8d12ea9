# SPDX-License-Identifier: Apache-2.0
# How full are file systems?

# verb_df PROC PID asks statfs about the mount points in $names, below the root of a process. Answer: a line for each: 0 or the code
# of what stands against it, and then block size, blocks, free ones, those free for users, inodes, free ones.
verb_df() {
	need stat || return
	cd "$1" 2>/dev/null || return "$NO_PROCESS"
	[ -d "$2" ] || return "$NO_PROCESS"
	{ command exec 9<"$2/root/."; } 2>/dev/null || return "$ROOT_DENIED"
	proc=$1 pid=$2
	for point in $names; do
		text=$(capacity "$point")
		printf '%s %s\n' "$?" "$text"
	done
}

# capacity POINT prints what statfs says of what is mounted there: by descriptor, since a name can be exchanged.
capacity() {
	resolve "$1" p || return
	here=./$name
	if [ "$name" = . ]; then
		stat -f -c '%S %b %f %a %c %d' . 2>/dev/null || return "$READ_FAILED"
		return
	fi
	look || return
	[ ! -L "$here" ] || return "$CHANGED"
	[ -f "$here" ] || return "$SPECIAL"
	code=$DENIED
	{
		code=$CHANGED
		opened=$(stat -L -c '%d:%i %f' /proc/self/fd/4)
		case $line in
		*" $opened "*) stat -f -c '%S %b %f %a %c %d' /proc/self/fd/4 && code=0 ;;
		esac
	} 2>/dev/null 4<"$here"
	return "$code"
}
