# SPDX-License-Identifier: Apache-2.0
# Lines of files: grep and tail.

# verb_grep PATH STAGE FLAGS PATTERN DIRECTORIES... searches the regular files in $names, or the one at PATH. FLAGS may have i, F, E
# (grep's) and l (names alone). Files with a NUL among their first 32 KiB are left out. Answer for many: steady's, with for each
# file that matches its path NUL and its lines NUMBER:TEXT, each NUL, and NUL, and "." STATUS NUL inside. For one: path NUL, facts
# NUL, its lines likewise, "." STATUS NUL, facts once more NUL.
verb_grep() {
	start "$1" "$2" || return
	flags='' brief='' pattern=$4 count=-
	case $3 in *i*) flags="$flags -i" ;; esac
	case $3 in *F*) flags="$flags -F" ;; *E*) flags="$flags -E" ;; esac
	case $3 in *l*) brief=1 ;; esac
	echo | matching -q
	[ "$?" -le 1 ] || return "$PATTERN"
	shift 4
	if [ -z "$names" ]; then
		opened grep_one
		return
	fi
	steady grep_all "$@"
}

# matching ARGS... is grep. The pattern comes by a descriptor: everybody may read a command line.
matching() {
	IFS="$nl "
	# shellcheck disable=SC2086 # words
	grep $flags -f /proc/self/fd/6 "$@" 2>/dev/null 6<<PATTERN
$pattern
PATTERN
}

# binary says whether the file on stdin is no text.
binary() { [ -n "$(head -c 32768 2>/dev/null | tr -dc '\000' | tr '\000' x)" ]; }

grep_all() {
	# shellcheck disable=SC2086 # one a line
	found=$(matching -l $names)
	code=$?
	IFS=$nl
	for f in $found; do
		[ -f "$f" ] && ! binary <"$f" || continue
		printf '%s\0' "$f"
		[ -n "$brief" ] || matching -n "$f" | tr '\n\000' '\000 '
		printf '\0'
	done
	printf '.%s\0' "$code"
}

grep_one() {
	code=1
	if ! binary </proc/self/fd/4; then
		{
			code=$({
				in_steps | {
					if [ -n "$brief" ]; then matching -q; else matching -n; fi
					echo "$?" >&6
				} | tr '\n\000' '\000 ' >&5
			} 6>&1)
		} 5>&1
	fi
	printf '\0.%s\0%s\0' "$code" "$(stat -L -c "$facts" /proc/self/fd/4)"
}

# verb_tail PATH LINES FOLLOW. Answer: path NUL, facts NUL, the last lines, and with FOLLOW what is appended, until stdin ends.
verb_tail() {
	need tail || return
	start "$1" '' || return
	count=$2 follow=$3
	opened last_lines
}

last_lines() {
	if [ -n "$follow" ]; then
		tail -n "$count" -f <&4
	else
		tail -n "$count" <&4
	fi || return "$READ_FAILED"
}
