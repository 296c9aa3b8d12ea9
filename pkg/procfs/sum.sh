# SPDX-License-Identifier: Apache-2.0
# "$@" are regular files and directories. Answers with items: "cPATH" and "CPATH" for a file and a directory that do not open, "S" and lines SHA-256, two spaces, PATH,
# "sPATH" and a SHA-256 for a file whose name is kept out of them, and
# "nCOUNT", the number of files that were tried.
nl=$(printf '\nx')
nl=${nl%x}
cr=$(printf '\rx')
cr=${cr%x}
count=0
for f; do
	opened=
	{ opened=1; } 2>/dev/null <"$f"
	if [ -d "$f" ]; then
		[ -n "$opened" ] && [ -e "$f/." ] || printf 'C%s\0' "$f"
	elif [ -z "$opened" ]; then
		printf 'c%s\0' "$f"
	else
		count=$((count + 1))
	fi
done
printf 'n%s\0' "$count"
# A name that would break a line, or be quoted in it, is kept out of sha256sum's sight.
simple() {
	for f; do
		case $f in
		*"$nl"* | *"$cr"* | *\\*) ;;
		*) [ ! -f "$f" ] || printf '%s\0' "$f" ;;
		esac
	done
}
printf 'S'
simple "$@" | xargs -0 -r sha256sum 2>/dev/null
printf '\0'
for f; do
	case $f in
	*"$nl"* | *"$cr"* | *\\*)
		[ -f "$f" ] && line=$(sha256sum 2>/dev/null <"$f") && printf 's%s\0%s\0' "$f" "${line%% *}"
		;;
	esac
done
exit 0
