# SPDX-License-Identifier: Apache-2.0
# "$@" are regular files and directories. Answers with items: "cPATH" and "CPATH" for a file and a directory that do not open, "fPATH" for a file
# with matches, followed by NUMBER:LINE for each of them and an empty field.
nl=$(printf '\nx')
nl=${nl%x}
for f; do
	opened=
	{ opened=1; } 2>/dev/null <"$f"
	if [ -d "$f" ]; then
		[ -n "$opened" ] && [ -e "$f/." ] || printf 'C%s\0' "$f"
	elif [ -z "$opened" ]; then
		printf 'c%s\0' "$f"
	fi
done
# search prints the lines of a text file: one without NUL in its beginning.
search() {
	[ -z "$(head -c 32768 "$1" 2>/dev/null | tr -dc '\000' | tr '\000' x)" ] || return 0
	printf 'f%s\0' "$1"
	case $options in
	*names*) ;;
	*) grep -n $kinds -e "$pattern" "$1" 2>/dev/null | tr '\n\000' '\000 ' ;;
	esac
	printf '\0'
}
# simple prints the files whose names keep to one line.
simple() {
	for f; do
		case $f in
		*"$nl"*) ;;
		*) [ ! -f "$f" ] || printf '%s\0' "$f" ;;
		esac
	done
}
simple "$@" | xargs -0 -r grep -l $kinds -e "$pattern" 2>/dev/null | while IFS= read -r f; do
	search "$f"
done
for f; do
	case $f in
	*"$nl"*)
		[ ! -f "$f" ] || ! grep -q $kinds -e "$pattern" "$f" 2>/dev/null || search "$f"
		;;
	esac
done
exit 0
