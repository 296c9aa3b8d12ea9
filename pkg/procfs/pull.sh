# SPDX-License-Identifier: Apache-2.0
# Copies a file or a tree out of a process's root. Runs behind the beginning of fs.sh, which has found $root. The answer
# is read by pull.go: identity and facts as fs.sh gives them, the mark NUL, "file" or "tree" NUL, then a file's frame
# (one.sh); or of a tree first batches of all that has no content (meta.sh), "" NUL, then frames of files (bulk.sh, one.sh).
# Nothing is asked of a tree in between: a command costs more than a file.
need 80 md5sum
need 81 dd
# %b and %z come last: only copying reads them, and they tell a file that changed without changing size or time.
facts='%d:%i %f %s %u %g %h %t:%T %Y %y %b %z'
export bulk one facts mark
resolve "$path" 1 || finish $?
here=$root${at:-/.} where=${at:-/}
line=$(stat -c "$facts" "$here" 2>/dev/null) || finish 47
opened=
if [ -d "$here" ]; then
	cd "$here" 2>/dev/null && { opened=1; } 2>/dev/null <.
elif [ -f "$here" ]; then
	{ opened=1; } 2>/dev/null <"$here"
else
	printf '%s\0%s\0\0\0\0' "$where" "$line"
	finish 43
fi
[ -n "$opened" ] || finish 45
printf '%s\0%s\0\0\0\0%s\0' "$where" "$line" "$mark"
if [ -f "$here" ]; then
	printf 'file\0'
	sh -c "$one" sh "$here"
	printf '\0'
	finish 0
fi
# What was opened is what was looked at, not a link put there meanwhile.
[ "$(stat -c '%d:%i' .)" = "${line%% *}" ] || finish 47
printf 'tree\0'

# walk prints what find finds, without the target's processes and devices of the kernel when all of its root is meant.
walk() {
	if [ "$where" = / ]; then
		find . \( -path ./proc -o -path ./sys \) -prune -o "$@" -print0
	else
		find . "$@" -print0
	fi
}

# A large file has a frame of its own.
walk ! -type f | xargs -0 -r sh -c "$batch" sh
printf '\0'
walk -type f -size -131072c | xargs -0 -r -n 500 -s 100000 sh -c "$bulk" sh
walk -type f ! -size -131072c | xargs -0 -r sh -c "$one" sh
printf '\0'
finish 0
