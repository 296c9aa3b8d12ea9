# SPDX-License-Identifier: Apache-2.0
# "$@" are paths of regular files. A frame each:
#   "one" NUL, path NUL, facts NUL, where it begins NUL, then parts, each: offset NUL, bytes, the mark and ".", sum NUL;
#   "-" NUL; status of reading NUL, facts once more NUL. A file that cannot be opened has neither beginning nor parts, and
#   the status says why. $as is the path to tell where another one is to be read.
# A sparse file comes in parts of 8 MiB without those that hold nothing but zeros. Others come in one.
# Where $resume is set, descriptor 7 has a line for each file: how many bytes of it the client has, "k" for all, then
# their sum and the facts that it had then, "-" for either where there is none. Who has other bytes gets all of them.
chunk=8388608

exec 5>&1

# part OFFSET COMMAND... sends what COMMAND gives. It runs twice at once: see bulk.sh.
part() {
	printf '%s\0' "$1"
	shift
	sum=$(
		"$@" 2>/dev/null | sha1sum &
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
	sum=$(bytes "$1" "$chunk" 2>/dev/null | sha1sum)
	[ "${sum%% *}" = 5fde1cce603e6566d20da811c9c8bcccb044d4ae ]
}

# send FACTS sends the file on descriptor 4, from $from on. A size of /proc or /sys says nothing, so a small file
# is read to its end whatever it says; a large one that grows might have none.
send() {
	at=$from
	if [ "$3" -ge "$chunk" ] && [ "$((${12} * 512 + chunk))" -lt "$3" ]; then
		while [ "$at" -lt "$3" ]; do
			zeros "$at" || part "$at" bytes "$at" "$chunk"
			at=$((at + chunk))
		done
	elif [ "$at" -gt 0 ] || [ "$3" -ge "$chunk" ]; then
		[ "$at" -ge "$3" ] || part "$at" bytes "$at" "$(($3 - at))"
	else
		part 0 whole
	fi
}

# begins finds out from where on the file on descriptor 4 is to be sent.
begins() {
	from=0
	[ "$have" -gt 0 ] 2>/dev/null && [ "$have" -le "$3" ] || return 0
	[ "$expect" = - ] || [ "$expect" = "$line" ] || return 0
	if [ "$want" != - ]; then
		sum=$(bytes 0 "$have" 2>/dev/null | sha1sum)
		[ "${sum%% *}" = "$want" ] || return 0
	fi
	from=$have
}

have=
for f; do
	[ -z "$resume" ] || IFS=' ' read -r have want expect <&7 || have=
	# What is no regular file any more must not be opened: it might block.
	line=$(stat -c "$facts" "$f" 2>/dev/null)
	if [ "$have" = k ] && [ -n "$line" ]; then
		printf 'kept\0%s\0\0%s\n\0' "$f" "$line"
		continue
	fi
	printf 'one\0%s\0%s\0' "${as:-$f}" "$line"
	status=44
	if [ -n "$line" ]; then
		status=45
		if [ -f "$f" ] && [ ! -L "$f" ]; then
			{
				status=47
				if [ "$(stat -L -c "$facts" /proc/self/fd/4)" = "$line" ]; then
					status=0
					begins $line
					printf '%s\0' "$from"
					send $line
				fi
			} 2>/dev/null 4<"$f"
		else
			status=47
		fi
	fi
	printf -- '-\0%s\0%s\0' "$status" "$(stat -c "$facts" "$f" 2>/dev/null)"
done
