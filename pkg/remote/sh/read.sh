# SPDX-License-Identifier: Apache-2.0
# What is in files? Each verb has PATH STAGE FILE, two arguments of its own, and DIRECTORIES. It is about the regular files in
# $names, which are in DIRECTORIES, together, since processes for each cost more than its bytes; or about the one at PATH, or
# FILE of a stage.
#
# Answer for many: facts ($same) of the directories and, but for read, of the files, NUL, what the verb says, facts of the files and of the
# directories, NUL. With times of change in them they are the same only if nothing on the way was exchanged; who reads has those of
# the files from its walk. Answer for one: path NUL, facts NUL, what the verb says, and facts NUL.

# contents ONE MANY PATH STAGE FILE X Y DIRECTORIES... calls ONE with the opened file as descriptor 4, or MANY.
contents() {
	one=$1 many=$2
	start "$3" "$4" || return
	here=${5:-$here}
	shift 7
	if [ -n "$names" ]; then
		before=$names
		[ "$many" != read_all ] || before=''
		# shellcheck disable=SC2086 # one a line
		stat -c "$same" "$@" $before 2>/dev/null || return "$CHANGED"
		printf '\0'
		"$many" || return
		# shellcheck disable=SC2086
		stat -c "$same" $names "$@" 2>/dev/null
		printf '\0'
		return 0
	fi
	look || return
	[ ! -d "$here" ] || return "$IS_DIRECTORY"
	[ -f "$here" ] && { [ -n "$leap" ] || [ ! -L "$here" ]; } || return "$SPECIAL"
	code=$DENIED
	{
		code=$CHANGED
		# It is the file that was looked at. What it becomes in between, who grows, say the facts at the end.
		opened=$(stat -L -c '%d:%i %f' /proc/self/fd/4)
		case $line in
		*" $opened "*)
			printf '%s\0%s\0' "${at:-/}" "$line"
			"$one"
			code=$?
			;;
		esac
	} 2>/dev/null 4<"$here"
	return "$code"
}

# now prints the facts of the opened file.
now() { stat -L -c "$facts" /proc/self/fd/4; }

# verb_read PATH STAGE FILE FROM TO DIRECTORIES... says for many: all bytes, checked. For one, from byte FROM up to TO or, where
# that is '', to its end: parts, each offset NUL, bytes, checked; then "-" NUL. With a "z" before TO bytes come packed (gzip), and a
# part has that before its offset; a small file does not.
verb_read() {
	need sha1sum dd tee || return
	from=$4 upto=${5#z} pack=''
	case $5 in
	z*) need gzip && pack=z || return ;;
	esac
	contents read_parts read_all "$@"
}

read_all() { checked in_blocks cat_all; }

# shellcheck disable=SC2086 # one a line
cat_all() { cat $names 2>/dev/null; }

# in_blocks COMMAND... sends in blocks: cat writes once for each file, and all who pass that on do it write by write.
in_blocks() { return "$({ { "$@"; echo "$?" >&8; } | blocks >&5 2>/dev/null; } 8>&1)"; }

blocks() { if [ -n "$pack" ]; then gzip -1c; else dd bs=65536 iflag=fullblock; fi; }

at_once() { if [ -n "$pack" ]; then in_blocks "$@"; else "$@" >&5; fi; }

# checked SENDER COMMAND... sends what a command prints, which runs twice at once, then mark ".", SHA-1 and status NUL. To sum up
# the stream that is sent (tee) takes 2.7 times as long.
checked() {
	sender=$1
	shift
	{
		sum=$(
			"$@" | sha1sum &
			"$sender" "$@"
			code=$?
			wait
			printf ' s%s' "$code"
		)
	} 5>&1
	printf '%s.%s\0' "$mark" "$sum"
}

# read_parts sends a sparse file in parts of 8 MiB without those that hold nothing but zeros, others in one.
read_parts() {
	chunk=8388608
	IFS=' '
	# shellcheck disable=SC2086 # words
	set -- $line
	size=$4 end=${upto:-$4}
	[ "$end" -le "$size" ] || end=$size
	if [ "$size" -ge "$chunk" ] && [ "$(($1 * 512 + chunk))" -lt "$size" ]; then
		# What has no block at all is one hole; a small file may be kept in its inode.
		while [ "$1" -gt 0 ] && [ "$from" -lt "$end" ]; do
			[ "$((end - from))" -ge "$chunk" ] || chunk=$((end - from))
			zeros || part "$chunk"
			echo . >&7
			from=$((from + chunk))
		done
	elif [ -n "$upto" ] || [ "$from" -gt 0 ] || [ "$size" -ge "$chunk" ]; then
		[ "$from" -ge "$end" ] || part "$((end - from))"
	else
		part_once
	fi
	printf -- '-\0%s\0' "$(now)"
}

part() {
	printf '%s%s\0' "$pack" "$from"
	checked at_once bytes_from "$1"
}

# bytes_from N prints N bytes from $from on.
bytes_from() { dd bs=1048576 iflag=skip_bytes,count_bytes,fullblock skip="$from" count="$1" </proc/self/fd/4 2>/dev/null; }

cat_file() { cat </proc/self/fd/4 2>/dev/null; }

# part_once sends a file that is read once, and to its end where it has no size: a kernel file has neither that nor twice the same
# bytes. A log may grow as fast as it is read.
part_once() {
	from=0
	printf '0\0'
	{
		sum=$(
			exec 8>&1
			{ {
				if [ "$size" -gt 0 ]; then bytes_from "$size"; else cat_file; fi
				printf ' s%s ' "$?" >&8
			} | tee /proc/self/fd/6 >&5; } 6>&1 | sha1sum
		)
	} 5>&1
	printf '%s.%s\0' "$mark" "$sum"
}

# zeros says whether the next chunk holds nothing else: four times as fast as its sum where the processor does not help.
zeros() { [ "$(bytes_from "$chunk" | tr -d '\000' | head -c 1 | wc -c)" -eq 0 ]; }

# verb_sum PATH STAGE FILE TOOL N DIRECTORIES... says for many: the lines of TOOL and its status NUL. For one: the sum NUL, of its
# first N bytes, or of all where N is "-".
verb_sum() {
	tool=$4 count=$5
	need "$tool" dd || return
	contents sum_of_one sum_of_each "$@"
}

sum_of_each() {
	# shellcheck disable=SC2086 # one a line
	"$tool" $names 2>/dev/null
	printf '%s\0' "$?"
}

sum_of_one() {
	sum=$(in_steps | "$tool")
	printf '%s\0%s\0' "${sum%% *}" "$(now)"
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

# verb_grep PATH STAGE FILE FLAGS PATTERN DIRECTORIES... says for many, for each file that matches, its path NUL and its lines
# NUMBER:TEXT, each NUL, and NUL; then "." STATUS NUL. For one: its lines likewise, "." STATUS NUL. FLAGS are grep's, and "brief"
# at their end for no lines. Files with a NUL among their first 32 KiB are left out.
verb_grep() {
	flags=${4%brief} brief='' pattern=$5 count=-
	[ "$flags" = "$4" ] || brief=1
	echo | matching -q
	[ "$?" -le 1 ] || return "$PATTERN"
	contents grep_one grep_all "$@"
}

# matching ARGS... is grep. The pattern comes by a descriptor: everybody may read a command line.
matching() {
	IFS="$nl "
	# shellcheck disable=SC2086 # words
	grep $flags -f /proc/self/fd/6 "$@" 2>/dev/null 6<<PATTERN
$pattern
PATTERN
}

# binary says whether the file on stdin is no text.
binary() { [ -n "$(head -c 32768 2>/dev/null | tr -dc '\000' | tr '\000' x)" ]; }

grep_all() {
	# shellcheck disable=SC2086 # one a line
	found=$(matching -l $names)
	code=$?
	IFS=$nl
	for f in $found; do
		[ -f "$f" ] || continue
		! binary <"$f" || continue
		printf '%s\0' "$f"
		[ -n "$brief" ] || matching -n "$f" | tr '\n\000' '\000 '
		printf '\0'
	done
	printf '.%s\0' "$code"
}

# endless says whether the opened file has 32 MiB without the end of a line: grep holds a line in memory, and busybox's takes the
# end of that for the end of the file.
endless() {
	IFS=' '
	# shellcheck disable=SC2086 # words
	set -- $line
	chunk=33554432 from=0
	while [ "$((from + chunk))" -le "$4" ]; do
		[ "$(bytes_from "$chunk" | tr -dc '\n' | head -c 1 | wc -c)" -ne 0 ] || return 0
		echo . >&7
		from=$((from + chunk))
	done
	return 1
}

grep_one() {
	code=1
	if binary </proc/self/fd/4; then
		:
	elif endless; then
		code=2
	else
		{
			code=$({
				in_steps | {
					if [ -n "$brief" ]; then matching -q; else matching -n; fi
					echo "$?" >&6
				} | tr '\n\000' '\000 ' >&5
			} 6>&1)
		} 5>&1
	fi
	printf '\0.%s\0%s\0' "$code" "$(now)"
}
