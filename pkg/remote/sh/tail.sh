# SPDX-License-Identifier: Apache-2.0
# The end of a file, and what becomes of it. Its descriptor knows by its own offset what was printed.

# verb_tail PATH '' '' LINES FOLLOW says the last lines and, where FOLLOW is file or name, what is appended until stdin ends:
# lines of "+" before bytes and mark "." behind them; "cut" where the file became shorter, "gone" where no file has its name any
# more, "other" where another one has it, which is gone on with where FOLLOW is name. A NUL would wait for what follows.
verb_tail() {
	need tail dd sha1sum tee || return
	asked=$1 count=$4 follow=$5
	contents last_lines '' "$@"
}

last_lines() {
	echo +
	tail -n "$count" <&4
	code=$?
	echo "$mark."
	[ "$code" = 0 ] || return "$READ_FAILED"
	[ -n "$follow" ] || return 0
	# Not every tail goes to the end for no line.
	[ "$count" != 0 ] || tail -c 1 <&4 >/dev/null
	position
	kept=$((offset > 256 ? 256 : offset))
	last=$(printed) state=''
	while sleep 0.5 2>/dev/null || sleep 1; do
		watch_name
		added
		[ "$found$follow" != othername ] || reopen || found=$state
		[ "$found" = "$state" ] || echo "$found"
		state=$found
		[ "$found$follow" != othername ] || state=''
	done
}

# watch_name sets found to what the file's name leads to now, and size to how long the file is.
watch_name() {
	found=gone here=/proc/self/fd/4
	if resolve "$asked" 1 && [ "$name" != . ]; then
		found='' here=./$name
	fi
	lines=$(stat -L -c '%d:%i %s' /proc/self/fd/4 "$here" 2>/dev/null)
	line=${lines%%"$nl"*} lines=${lines#*"$nl"}
	size=${line##* }
	[ "${lines% *}" = "${line% *}" ] || found=other
}

# added prints what the file has behind the offset, or all of it where it was cut: it is shorter than that, or what was printed
# last is not in front of it any more. The sum of that is of the bytes that went out: whoever has them may write the next ones.
added() {
	position
	if [ "$size" -lt "$offset" ] || { [ "$size" -gt "$offset" ] && [ "$(printed)" != "$last" ]; }; then
		echo cut
		{ command exec 4</proc/self/fd/4; } 2>/dev/null && offset=0 kept=0 last=$(printed)
	fi
	[ "$size" -gt "$offset" ] || return 0
	echo +
	from=$((offset - kept)) begun=$offset
	{ last=$({ bytes_from "$kept"; cat <&4 | tee /proc/self/fd/6 >&5; } 6>&1 | tail -c 256 | sha1sum); } 5>&1
	echo "$mark."
	position
	kept=$((kept + offset - begun))
	kept=$((kept > 256 ? 256 : kept))
}

# position sets offset to how far the file was printed.
position() {
	while read -r line; do
		case $line in
		pos:*) offset=${line##*[!0-9]} ;;
		esac
	done </proc/self/fdinfo/4
}

# printed says which bytes are in front of the offset, as many as were kept: 256, or all that there are.
printed() {
	from=$((offset - kept))
	bytes_from "$kept" | sha1sum
}

# reopen goes on with the file that has the name now, behind what was left of the other one.
reopen() {
	[ -f "$here" ] && { [ -n "$leap" ] || [ ! -L "$here" ]; } || return
	size=$(stat -L -c %s /proc/self/fd/4) && added
	{ command exec 4<"$here"; } 2>/dev/null && offset=0 kept=0 last=$(printed) && size=$(stat -L -c %s /proc/self/fd/4) && added
}
