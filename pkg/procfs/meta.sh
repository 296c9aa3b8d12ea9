# SPDX-License-Identifier: Apache-2.0
# "$@" are paths of what is no regular file. Answers for exactly these:
#   each path NUL, NUL; a line of facts each ("-" for one that cannot be read) NUL; INDEX:TARGET NUL for each link, NUL;
#   indices of the directories that may not be read NUL.
printf '%s\0' "$@"
printf '\0'
if lines=$(stat -c "$facts" "$@" 2>/dev/null); then
	printf '%s\n' "$lines"
else
	for f; do
		stat -c "$facts" "$f" 2>/dev/null || echo -
	done
fi
printf '\0'
i=0 closed=
for f; do
	if [ -L "$f" ]; then
		printf '%s:' "$i"
		readlink -n "$f" 2>/dev/null
		printf '\0'
	elif [ -d "$f" ]; then
		[ -r "$f" ] && [ -x "$f" ] || closed="$closed $i"
	fi
	i=$((i + 1))
done
printf '\0%s\0' "$closed"
