# SPDX-License-Identifier: Apache-2.0
# "$@" are the next small files of a tree of which something has been copied already. Descriptor 7 has a line for each call
# (resume.go): a letter for each file, and the sum of all that those with a "c" hold at the client. "k" is there already,
# "s" is to be sent, "c" is sent unless the sum is the same. What stays is answered with a frame of its own:
#   "kept" NUL, each path NUL, NUL; a line of facts each NUL.
IFS=' ' read -r plan want <&7 || plan=
resume=
export resume

# pick LETTER ACTION PATH... calls ACTION with the paths that have the letter.
pick() {
	letter=$1 action=$2 left=$plan first=1
	shift 2
	for f; do
		[ -z "$first" ] || set --
		first=
		[ -n "$left" ] || left=s
		case $left in
		"$letter"*) set -- "$@" "$f" ;;
		esac
		left=${left#?}
	done
	[ "$#" = 0 ] || "$action" "$@"
}

kept() {
	lines=$(stat -c "$facts" "$@" 2>/dev/null) || {
		send "$@"
		return
	}
	printf 'kept\0'
	printf '%s\0' "$@"
	printf '\0%s\n\0' "$lines"
}

send() { sh -c "$bulk" sh "$@"; }

check() {
	sum=$(cat "$@" 2>/dev/null | sha1sum)
	if [ "${sum%% *}" = "$want" ]; then
		kept "$@"
	else
		send "$@"
	fi
}

pick k kept "$@"
pick c check "$@"
pick s send "$@"
