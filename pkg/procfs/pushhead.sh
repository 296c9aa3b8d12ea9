# SPDX-License-Identifier: Apache-2.0
# Stands before the beginning of fs.sh, which would begin to watch over stdin: here that carries the payload. And once more
# before push.sh, which may run in a shell of its own.
made=

# drop takes away what is not finished.
drop() {
	[ -n "$made" ] || return 0
	[ ! -d "$made" ] || chmod -R u+rwx "$made" 2>/dev/null
	rm -rf "$made" 2>/dev/null
	made=
}

guard() {
	case $how in
	*keep*) trap 'exit 143' TERM HUP INT ;;
	*) trap 'drop; exit 143' TERM HUP INT ;;
	esac
}

# finish CODE as in common.sh; what is left of the payload is read, so that the client is not stuck with it.
finish() {
	code=$1
	drop
	printf '\000%s%03d\n' "$mark" "$code"
	cat <&3 >/dev/null 2>&1
	exit "$code"
}

# stopped ends what the client does not go on with now.
stopped() {
	case $how in
	*keep*) made= ;;
	esac
	finish 56
}

# broken ends what was cut. With "wait" the client may come back within a time, with a name of its own for what is there;
# nobody else would take it away.
broken() {
	case $how in
	*wait*)
		{
			n=0
			while [ -e "$made" ] && [ "$n" -lt 70 ]; do
				sleep 1
				n=$((n + 1))
			done
			drop
		} </dev/null >/dev/null 2>&1 3<&- 4>&- &
		made=
		;;
	*keep*) made= ;;
	esac
	finish 56
}
