# SPDX-License-Identifier: Apache-2.0
# Runs behind resolve.sh. "$@" are paths of links in a tree that is at $where below $root. Each is answered with what it
# leads to, inside the root: a file with its frame (one.sh), under the link's path, and anything else with
#   "link" NUL, path NUL, code NUL, physical path NUL.
# A code other than 0 says why it leads nowhere; the client asks for directories by themselves, since it knows which ones
# it has been through.
here=${where%/}
for f; do
	resolve "$here/${f#./}" 1
	code=$?
	if [ "$code" = 0 ] && [ -f "$root$at" ]; then
		as=$f sh -c "$one" sh "$root$at"
		continue
	fi
	[ "$code" != 0 ] || [ -d "$root$at/." ] || code=43
	printf 'link\0%s\0%s\0%s\0' "$f" "$code" "${at:-/}"
done
