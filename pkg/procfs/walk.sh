# SPDX-License-Identifier: Apache-2.0
# "$@" are paths of a tree. Answers with items: "wCOUNT", with "links" PATH NUL TARGET NUL for each link among them and
# NUL, then for each path that is there PATH, "//", a line of facts, and NUL. No path that find makes has "//" in it, so
# names may hold anything, and stat writes the answer itself: a shell that reads or tests each file costs more than stat.
# Only where stat has failed follows for each path "gPATH" (gone), "dPATH" (not to be looked at) or "pPATH" (present), and
# the status says so.
# Called as "folders" it is told the directories of a tree instead: "CPATH" is one that does not open,
# "oPATH" a name in one that is too long for a path. A $device that is set is the only one that is entered.
case $0 in
folders)
	for f; do
		opened=
		{ opened=1; } 2>/dev/null <"$f"
		if [ -z "$opened" ] || [ ! -e "$f/." ]; then
			[ -d "$f" ] || continue
			[ -z "$device" ] || [ "$(stat -c %d "$f" 2>/dev/null)" = "$device" ] || continue
			printf 'C%s\0' "$f"
		elif [ "${#f}" -gt 3838 ]; then
			(cd "$f" && for n in * .[!.]* ..?*; do
				[ $((${#f} + ${#n})) -gt 4094 ] || continue
				[ -L "$n" ] || [ -e "$n" ] || continue
				printf 'o%s/%s\0' "$f" "$n"
			done) 2>/dev/null
		fi
	done
	exit 0
	;;
esac
printf 'w%s\0' "$#"
case $options in
*links*)
	find "$@" -maxdepth 0 -type l -exec sh -c 'for f; do printf "%s\0" "$f"; readlink -n "$f"; printf "\0"; done' sh {} + 2>/dev/null
	printf '\0'
	;;
esac
stat -c "%n//$facts" "$@" 2>/dev/null
code=$?
printf '\0'
[ "$code" != 0 ] || exit 0
for f; do
	if [ -L "$f" ] || [ -e "$f" ]; then
		printf 'p%s\0' "$f"
	elif [ -e "${f%/*}/." ]; then
		printf 'g%s\0' "$f"
	else
		printf 'd%s\0' "$f"
	fi
done
exit 1
