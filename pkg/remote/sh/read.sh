# SPDX-License-Identifier: Apache-2.0
# What is in it? What was opened is compared with what was looked at, before and after.

# verb_read PATH STAGE FILE FROM DIRECTORIES... reads the regular files in $names with one checksum, since processes for each
# would cost more than its bytes; or the one at PATH, or FILE of a stage, from byte FROM on.
#
# Answer for many: steady's, with all bytes, mark ".", SHA-1 and status NUL inside.
# The sum is taken by a second reading: one of the same stream (tee) takes 2.7 times as long.
verb_read() {
	need sha1sum dd tee || return
	start "$1" "$2" || return
	here=${3:-$here} from=$4
	if [ -z "$names" ]; then
		opened read_parts
		return
	fi
	shift 4
	# shellcheck disable=SC2086 # one a line
	steady sha1_of_all "$@"
}

# steady COMMAND DIRECTORIES... has COMMAND answer about $names, which are in DIRECTORIES, between facts: of the directories, of the
# files, NUL; and behind it of the files, of the directories, NUL. With the times of change in them they are the same only if
# nothing on the way was exchanged.
steady() {
	command=$1
	shift
	# shellcheck disable=SC2086 # one a line
	stat -c "$facts" "$@" $names 2>/dev/null || return "$CHANGED"
	printf '\0'
	"$command" || return
	# shellcheck disable=SC2086
	stat -c "$facts" $names "$@" 2>/dev/null
	printf '\0'
}

sha1_of_all() {
	# shellcheck disable=SC2086
	{
		sum=$(
			cat $names 2>/dev/null | sha1sum &
			cat $names 2>/dev/null >&5
			code=$?
			wait
			printf ' s%s' "$code"
		)
	} 5>&1
	printf '%s.%s\0' "$mark" "$sum"
}

# opened COMMAND runs a command with the file at $here as descriptor 4, if that is the one that was looked at. The facts
# that it has stay in line.
opened() {
	look || return
	[ -d "$here" ] && return "$IS_DIRECTORY"
	[ -f "$here" ] && { [ -n "$leap" ] || [ ! -L "$here" ]; } || return "$SPECIAL"
	code=$DENIED
	{
		code=$CHANGED
		now=$(stat -L -c "$facts" /proc/self/fd/4)
		if [ "${now#* }" = "${line#* }" ]; then
			printf '%s\0%s\0' "${at:-/}" "$line"
			"$1"
			code=$?
		fi
	} 2>/dev/null 4<"$here"
	return "$code"
}

# read_parts answers, behind path NUL and facts NUL, with parts: offset NUL, bytes, mark ".", SHA-1 and status NUL; "-" NUL; the
# facts once more NUL. A sparse file comes in parts of 8 MiB without those that hold nothing but zeros. Others come in one.
read_parts() {
	chunk=8388608
	IFS=' '
	# shellcheck disable=SC2086 # words
	set -- $line
	size=$4
	if [ "$size" -ge "$chunk" ] && [ "$(($1 * 512 + chunk))" -lt "$size" ]; then
		# What has no block at all is one hole; a small file may be kept in its inode.
		while [ "$1" -gt 0 ] && [ "$from" -lt "$size" ]; do
			zeros || part bytes_from "$chunk"
			echo . >&7
			from=$((from + chunk))
		done
	elif [ "$from" -gt 0 ] || [ "$size" -ge "$chunk" ]; then
		[ "$from" -ge "$size" ] || part bytes_from "$((size - from))"
	else
		part_once
	fi
	printf -- '-\0%s\0' "$(stat -L -c "$facts" /proc/self/fd/4)"
}

# bytes_from N prints N bytes from $from on.
bytes_from() { dd bs=1048576 iflag=skip_bytes,count_bytes,fullblock skip="$from" count="$1" </proc/self/fd/4 2>/dev/null; }

cat_file() { cat </proc/self/fd/4 2>/dev/null; }

# part_once sends a file that is read once and to its end: a kernel file has neither a size nor twice the same bytes.
part_once() {
	printf '0\0'
	{
		sum=$(
			exec 8>&1
			{ {
				cat_file
				printf ' s%s ' "$?" >&8
			} | tee /proc/self/fd/6 >&5; } 6>&1 | sha1sum
		)
	} 5>&1
	printf '%s.%s\0' "$mark" "$sum"
}

# zeros says whether the next chunk holds nothing else: four times as fast as its sum where the processor does not help.
zeros() { [ "$(bytes_from "$chunk" | tr -d '\000' | head -c 1 | wc -c)" -eq 0 ]; }

# part COMMAND... sends what a command prints, which runs twice at once.
part() {
	printf '%s\0' "$from"
	{
		sum=$(
			"$@" | sha1sum &
			"$@" >&5
			code=$?
			wait
			printf ' s%s' "$code"
		)
	} 5>&1
	printf '%s.%s\0' "$mark" "$sum"
}

# verb_sum PATH STAGE FILE TOOL N DIRECTORIES... sums up the regular files in $names with TOOL, or the first N bytes of the one at
# PATH, or FILE of a stage, all of them where N is "-". Answer for many: steady's, with lines of TOOL and its status NUL inside. For
# one: path NUL, facts NUL, the sum NUL, facts once more NUL.
verb_sum() {
	tool=$4 count=$5
	need "$tool" dd || return
	start "$1" "$2" || return
	here=${3:-$here}
	shift 5
	if [ -z "$names" ]; then
		opened sum_of_one
		return
	fi
	steady sum_of_each "$@"
}

sum_of_each() {
	# shellcheck disable=SC2086 # one a line
	"$tool" $names 2>/dev/null
	printf '%s\0' "$?"
}

sum_of_one() {
	sum=$(in_steps | "$tool")
	printf '%s\0%s\0' "${sum%% *}" "$(stat -L -c "$facts" /proc/self/fd/4)"
}

# in_steps prints $count bytes of the file, all where that is "-", with a sign of progress for each step: a large file is not stuck.
in_steps() {
	IFS=' '
	# shellcheck disable=SC2086 # words
	set -- $line
	# A size of a kernel file says nothing.
	if [ "$count:$4" = -:0 ]; then
		cat_file
		return
	fi
	[ "$count" != - ] || count=$4
	step=268435456 from=0
	while [ "$from" -lt "$count" ]; do
		[ "$((from + step))" -le "$count" ] || step=$((count - from))
		bytes_from "$step"
		echo . >&7
		from=$((from + step))
	done
}
