# SPDX-License-Identifier: Apache-2.0
# Writes a file or a tree below a process's root. Runs behind the beginning of fs.sh, which has found $root. $called is
# what it is called in a directory ("" is the directory itself), $temp what is not finished, $kind "file" or "tree".
# The payload comes on stdin: lengths in lines, each before so many bytes, 0, and a line with the sum of all
# bytes (feed.go). A cut looks like an end, so nothing counts without that line. An empty line is a beat, and "stop" says
# that no more comes.
# The answer: identity as fs.sh gives it, the physical path NUL, the sum of what was written NUL. In front of the latter
# comes a "." for each length, and a "," for each beat and now and then where something takes time.
# $how may have "wait" and "keep" (pushhead.sh) and "again": what there is under one of the names in $earlier (the last one
# first; an attempt may have been cut before it renamed anything) is gone on with. What that is follows the path: of a file
# its length NUL and sum NUL, and the payload begins with a line that says how much of it stays; of a tree batches of
# have.sh, and "" NUL. With "drop" it is taken away, and that is all.
for tool in 80:sha1sum 81:dd 82:mv 83:rm 84:mkdir 85:chmod 86:touch 87:tar 88:tee 89:chown 90:sleep; do
	need "${tool%%:*}" "${tool#*:}"
done

resolve "$path" 1
code=$?
case $code:$called in
0:*)
	dir=$at
	if [ ! -d "$root$at/." ]; then
		[ "$called" ] || finish 41
		dir=${at%/*} called=${at##*/}
	fi
	;;
44:*)
	# Nothing is there yet: then its folder has to be, and the last element is its name.
	while :; do
		case $path in
		*/)
			[ "$kind" = tree ] || finish 44
			path=${path%/}
			;;
		*) break ;;
		esac
	done
	called=${path##*/}
	case $called in
	'' | . | ..) finish 44 ;;
	esac
	path=${path%"$called"}
	resolve "$path" 1 || finish $?
	dir=$at
	# A link that leads nowhere is nothing to write through.
	[ ! -L "$root$dir/$called" ] || finish 57
	;;
*) finish "$code" ;;
esac
[ -d "$root$dir/." ] || finish 41
into=./${called:-.}
[ "${#called}" -le 255 ] || finish 46
where=$(stat -c '%d:%i' "$root$dir/." 2>/dev/null)
cd "$root$dir/." 2>/dev/null || finish 45
# A link may have been put in the way meanwhile. From here on it is the directory, whatever its path.
[ -n "$where" ] && [ "$(stat -c '%d:%i' . 2>/dev/null)" = "$where" ] || finish 47

# readonly says whether the mount below which we are is.
readonly_mount() {
	best= state=
	while read -r _ _ _ _ point mounted _; do
		point=${point%/}
		case $dir/ in
		"$point"/*) [ "${#point}" -lt "${#best}" ] || best=$point state=$mounted ;;
		esac
	done 2>/dev/null <"/proc/$pid/mountinfo"
	case ,$state, in
	*,ro,*) return 0 ;;
	esac
	return 1
}

# fail CODE finds out why something could not be written here; CODE is for what is left.
fail() {
	otherwise=$1
	set -- $(stat -f -c '%b %a %c %d' . 2>/dev/null)
	# A file system of the kernel's own, such as /proc, has no blocks that could be used up.
	if [ "${1:-0}" != 0 ]; then
		[ "$2" != 0 ] || finish 59
		[ "$3" = 0 ] || [ "$4" != 0 ] || finish 59
	fi
	! readonly_mount || finish 54
	[ -w . ] || finish 45
	finish "$otherwise"
}

frames() {
	while IFS= read -r length; do
		case $length in
		'')
			printf , >&4
			continue
			;;
		0) return 0 ;;
		stop) return 3 ;;
		esac
		dd bs="$length" count=1 iflag=fullblock || return 1
		printf . >&4
	done 2>/dev/null <&3
	return 2
}

# clear says whether nothing of another kind has the name.
clear() {
	if [ "$kind" = file ]; then
		[ -L "$into" ] || [ ! -d "$into" ]
	else
		[ ! -L "$into" ] && { [ -d "$into" ] || [ ! -e "$into" ]; }
	fi
}

# extract unpacks an archive of the payload, and sums it up.
extract() {
	sum=$(
		umask 0
		{
			frames | tee /proc/self/fd/6 | tar -x -f - -C "$made" "$keep" >/dev/null 2>&1 || echo failed >&6
		} 2>/dev/null 6>&1 | sha1sum
	)
}

# right ends the answer where what was written is not what was sent.
right() {
	sum=${sum%% *}
	IFS= read -r want <&3 || broken
	[ "$want" != stop ] || stopped
	[ "$sum" = "$want" ] || fail 55
}

# summed prints the sum of what was written. A large file takes time.
summed() {
	at=0
	while [ "$at" -lt "$1" ]; do
		dd bs=1048576 count=128 2>/dev/null
		printf , >&4
		at=$((at + 134217728))
	done <"$made" | sha1sum
}

# sized prints the length of what was written, and 0 of what is no file.
sized() {
	if [ -f "$made" ] && [ ! -L "$made" ]; then
		stat -c %s "$made"
	else
		echo 0
	fi
}

# had tells the client what is there of a tree.
had() {
	(
		cd "$made" || exit
		find . -type f -size -131072c -print0 | xargs -0 -r -n 100 -s 600000 sh -c "$having" sh
		find . -type f ! -size -131072c -print0 | xargs -0 -r -n 1 sh -c "$having" sh
	) 2>/dev/null
	printf '\0,'
}

# alone ends what an earlier attempt has still running. Its line may be slow and not dead, and what comes through it must not
# get into what is gone on with. A runtime starts a command as the leader of a process group.
alone() {
	read -r _ _ _ _ own _ </proc/self/stat
	for p in /proc/[0-9]*; do
		read -r _ name _ _ group _ <"$p/stat" || continue
		[ "$name" = '(sh)' ] && [ "$group" != "$own" ] && [ "$group" -gt 1 ] || continue
		theirs=$(tr '\0' ' ' <"$p/cmdline")
		for old in $earlier ''; do
			case $old,$theirs in
			,*) continue 2 ;;
			*" $old $kind "*) break ;;
			esac
		done
		kill -KILL "-$group"
		n=0
		while [ "$n" -lt 1000 ] && grep -q -s -E "^[0-9]+ \(.*\) [^ZX] [0-9]+ $group " /proc/[0-9]*/stat; do n=$((n + 1)); done
	done 2>/dev/null
}

# found takes over what the last attempt that had anything has left.
found() {
	for old in $earlier; do
		[ ! -e "./$old" ] || [ "$old" = "$temp" ] || { mv -f -T "./$old" "$made" && return; }
	done 2>/dev/null
}

clear || finish 57
umask 077
made=./$temp
[ -z "$earlier" ] || alone
printf '%s\0' "${dir%/}/$called"
# The payload waits for that, and a NUL alone might be the beginning of the mark.
[ -n "$earlier" ] || printf ,
found
[ "$how" != drop ] || finish 0
if [ "$kind" = file ]; then
	stay=0
	case $how in
	*again*)
		size=$(sized)
		[ "$size" -gt 0 ] || rm -rf "$made" 2>/dev/null
		sum=-
		[ "$size" = 0 ] || sum=$(summed "$size")
		printf '%s\0%s\0,' "$size" "${sum%% *}" # a NUL alone might be the beginning of the mark
		while IFS= read -r stay <&3 && [ -z "$stay" ]; do printf , >&4; done
		[ "$stay" -ge 0 ] 2>/dev/null && [ "$stay" -le "$size" ] || broken
		;;
	esac
	if [ "$stay" = 0 ]; then
		{ true >"$made"; } 2>/dev/null || fail 45 # ":" would end the shell (POSIX: special built-in)
	elif [ "$stay" -lt "$size" ]; then
		dd bs=1 seek="$stay" count=0 of="$made" 2>/dev/null </dev/null || fail 55
	fi
	{ frames >>"$made"; } 2>/dev/null
	case $? in
	1) fail 55 ;;
	2) broken ;;
	3) stopped ;;
	esac
	size=$(sized)
	if [ "$size" -gt 134217728 ]; then
		sum=$(summed "$size")
	else
		sum=$(sha1sum <"$made" 2>/dev/null)
	fi
else
	case $how in
	*again*)
		[ -d "$made" ] && [ ! -L "$made" ] || rm -rf "$made" 2>/dev/null
		find "$made" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
		had
		;;
	esac
	[ -d "$made" ] || mkdir "$made" 2>/dev/null || fail 45
	keep=-o
	[ -z "$owner" ] || keep=--numeric-owner
	extract
	right
	# busybox makes links last of all, which changes the times of their directories: those come once more.
	extract
fi
right
if [ "$kind" = file ]; then
	if [ -n "$owner" ]; then
		chown "$owner" "$made" 2>/dev/null || finish 58
	fi
	chmod "$mode" "$made" 2>/dev/null && touch -m -d "@$seconds" "$made" 2>/dev/null || fail 55
fi
clear || finish 57
if [ "$kind" = tree ] && [ -d "$into" ]; then
	merge() { find "$made" -mindepth 1 -print0 2>/dev/null | xargs -0 -r sh -c "$batch" sh "$1" "$made" "$into" 2>/dev/null; }
	merge check || finish 57
	merge move || fail 55
else
	mv -f -T "$made" "$into" 2>/dev/null || fail 55
	made=
fi
printf '%s\0' "$sum"
finish 0
