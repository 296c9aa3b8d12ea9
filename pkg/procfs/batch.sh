# SPDX-License-Identifier: Apache-2.0
# "$@" are the paths of some entries of one directory; $facts is the format. Answers for exactly these, so that
# names and facts belong together whatever happens to the directory:
#   each path NUL, NUL; a line of facts each ("-" for one that cannot be read), NUL; INDEX:TARGET NUL for each link, NUL.
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
i=0
for f; do
	if [ -L "$f" ]; then
		printf '%s:' "$i"
		readlink -n "$f" 2>/dev/null
		printf '\0'
	fi
	i=$((i + 1))
done
printf '\0'
