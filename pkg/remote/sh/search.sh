# SPDX-License-Identifier: Apache-2.0
# Lines of files: grep and tail.

# verb_grep PATH FILE FLAGS PATTERN DIRECTORIES... searches the regular files in $names, or FILE whose name has a newline. FLAGS may have i, F, E (grep's) and l
# (names alone). Answer: facts NUL, for each file with matches "f" PATH NUL and its lines NUMBER:TEXT, each NUL, and NUL; "e"
# status NUL; facts NUL. Files with a NUL among their first 32 KiB are left out.
verb_grep() {
	start "$1" '' || return
	[ -z "$2" ] || names=$2
	split=$nl
	[ -z "$2" ] || split=''
	IFS=$split
	flags='' only='' pattern=$4
	case $3 in *i*) flags="$flags -i" ;; esac
	case $3 in *F*) flags="$flags -F" ;; *E*) flags="$flags -E" ;; esac
	case $3 in *l*) only=1 ;; esac
	echo | matching -q
	[ "$?" -le 1 ] || return "$PATTERN"
	shift 4
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

grep_all() {
	# shellcheck disable=SC2086 # one a line
	found=$(matching -l $names)
	code=$?
	IFS=$split
	# The substitution takes newlines from the end of a name.
	[ -z "$found" ] || [ -n "$split" ] || found=$names
	for f in $found; do
		[ -z "$(head -c 32768 "$f" 2>/dev/null | tr -dc '\000' | tr '\000' x)" ] || continue
		printf 'f%s\0' "$f"
		[ -n "$only" ] || matching -n "$f" | tr '\n\000' '\000 '
		printf '\0'
	done
	printf 'e%s\0' "$code"
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
