# SPDX-License-Identifier: Apache-2.0
# "$@" are paths of a tree. Answers with one item "w" for exactly these:
#   each path NUL, NUL; remarks; NUL; a line of facts for each that no remark misses ("-" for one that is gone), NUL.
# Remarks: "gINDEX" gone, "dINDEX" not to be looked at, "lINDEX:TARGET" a link, "cPATH" a
# directory of them that does not open, "oPATH" a name in a directory that is too long for a path.
printf 'w\0'
printf '%s\0' "$@"
printf '\0'
missing=
if ! lines=$(stat -c "$facts" "$@" 2>/dev/null); then
	i=0 missing=,
	for f; do
		if [ ! -L "$f" ] && [ ! -e "$f" ]; then
			missing=$missing$i,
			if [ -e "${f%/*}/." ]; then
				printf 'g%s\0' "$i"
			else
				printf 'd%s\0' "$i"
			fi
		fi
		i=$((i + 1))
	done
	present() {
		i=0
		for f; do
			case $missing in
			*,$i,*) ;;
			*) printf '%s\0' "$f" ;;
			esac
			i=$((i + 1))
		done
	}
	# One by one only where the tree changes all the time.
	few='if l=$(stat -c "$facts" "$@" 2>/dev/null); then printf "%s\n" "$l"; else for f; do stat -c "$facts" "$f" 2>/dev/null || echo -; done; fi'
	lines=$(present "$@" | xargs -0 -r stat -c "$facts" 2>/dev/null) ||
		lines=$(present "$@" | xargs -0 -r -n 32 sh -c "$few" sh)
fi
case $options in
*links*)
	i=0
	for f; do
		if [ -L "$f" ]; then
			printf 'l%s:' "$i"
			readlink -n "$f" 2>/dev/null
			printf '\0'
		fi
		i=$((i + 1))
	done
	;;
esac
# This loop is most of what a large tree costs the shell.
for f; do
	if [ -d "$f" ] && [ ! -L "$f" ]; then
		opened=
		{ opened=1; } 2>/dev/null <"$f"
		if [ -z "$opened" ] || [ ! -e "$f/." ]; then
			[ ! -d "$f" ] || printf 'c%s\0' "$f"
		elif [ "${#f}" -gt 3838 ]; then
			(cd "$f" && for n in * .[!.]* ..?*; do
				[ $((${#f} + ${#n})) -gt 4094 ] || continue
				[ -L "$n" ] || [ -e "$n" ] || continue
				printf 'o%s/%s\0' "$f" "$n"
			done) 2>/dev/null
		fi
	fi
done
printf '\0'
[ -z "$lines" ] || printf '%s\n' "$lines"
printf '\0'
