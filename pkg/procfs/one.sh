# SPDX-License-Identifier: Apache-2.0
# "$@" are paths of regular files. A frame each:
#   "one" NUL, path NUL, facts NUL, then parts, each: offset NUL, bytes, the mark and ".", md5 NUL; "-" NUL;
#   status of reading NUL, facts once more NUL. A file that cannot be opened has no parts, and the status says why.
# A sparse file comes in parts of 8 MiB without those that hold nothing but zeros. Others come in one.
chunk=8388608

exec 5>&1

# part OFFSET COMMAND... sends what COMMAND gives. It runs twice at once: see bulk.sh.
part() {
	printf '%s\0' "$1"
	shift
	sum=$(
		"$@" 2>/dev/null | md5sum &
		"$@" 2>/dev/null >&5
		code=$?
		wait
		printf ' %s' "$code"
	)
	printf '%s.%s\0' "$mark" "${sum%% *}"
	case $sum in
	*' 0') ;;
	*) status=48 ;;
	esac
}

bytes() { dd bs=1048576 iflag=skip_bytes,count_bytes,fullblock skip="$1" count="$2" </proc/self/fd/4; }

whole() { cat </proc/self/fd/4; }

# zeros tells whether a part holds nothing else, by its sum: twice as fast as to look for other bytes.
zeros() {
	sum=$(bytes "$1" "$chunk" 2>/dev/null | md5sum)
	[ "${sum%% *}" = 96995b58d4cbf6aaa9041b4f00c7f6ae ]
}

# send SIZE BLOCKS sends the file on descriptor 4, from $from on. A size of /proc or /sys says nothing, so a small file
# is read to its end whatever it says; a large one that grows might have none.
send() {
	at=${from:-0}
	if [ "$1" -ge "$chunk" ] && [ "$(($2 * 512 + chunk))" -lt "$1" ]; then
		while [ "$at" -lt "$1" ]; do
			zeros "$at" || part "$at" bytes "$at" "$chunk"
			at=$((at + chunk))
		done
	elif [ "$at" -gt 0 ] || [ "$1" -ge "$chunk" ]; then
		part "$at" bytes "$at" "$(($1 - at))"
	else
		part 0 whole
	fi
}

for f; do
	# What is no regular file any more must not be opened: it might block.
	line=$(stat -c "$facts" "$f" 2>/dev/null)
	printf 'one\0%s\0%s\0' "$f" "$line"
	status=44
	if [ -n "$line" ]; then
		status=45
		if [ -f "$f" ] && [ ! -L "$f" ]; then
			{
				status=47
				if [ "$(stat -L -c "$facts" /proc/self/fd/4)" = "$line" ]; then
					status=0
					set -- $line
					send "$3" "${12}"
				fi
			} 2>/dev/null 4<"$f"
		else
			status=47
		fi
	fi
	printf -- '-\0%s\0%s\0' "$status" "$(stat -c "$facts" "$f" 2>/dev/null)"
done
