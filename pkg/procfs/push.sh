# SPDX-License-Identifier: Apache-2.0
# Writes a file or a tree below a process's root. Runs behind the beginning of fs.sh, which has found $root. $called is
# what it is called in a directory ("" is the directory itself), $temp what is not finished, $kind "file" or "tree".
# The payload comes on stdin: lengths in lines, each before so many bytes, 0, and a line with the md5 of all
# bytes (push.go). A cut looks like an end, so nothing counts without that line.
# The answer: identity as fs.sh gives it, the physical path NUL, the md5 of what was written NUL.
for tool in 80:md5sum 81:dd 82:mv 83:rm 84:mkdir 85:chmod 86:touch 87:tar 88:tee 89:chown; do
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
	case $(stat -f -c '%a %d %c' . 2>/dev/null) in
	'0 '* | *' 0 '[1-9]*) finish 59 ;;
	esac
	! readonly_mount || finish 54
	[ -w . ] || finish 45
	finish "$1"
}

frames() {
	while IFS= read -r length && [ "$length" -gt 0 ]; do
		dd bs="$length" count=1 iflag=fullblock || return 1
	done 2>/dev/null <&3
	[ "$length" = 0 ] || return 2
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
		} 2>/dev/null 6>&1 | md5sum
	)
}

# right ends the answer where what was written is not what was sent.
right() {
	sum=${sum%% *}
	IFS= read -r want <&3 || finish 56
	[ "$sum" = "$want" ] || fail 55
}

clear || finish 57
umask 077
made=./$temp
printf '%s\0' "${dir%/}/$called"
if [ "$kind" = file ]; then
	{ : >"$made"; } 2>/dev/null || fail 45
	{ frames >"$made"; } 2>/dev/null
	case $? in
	1) fail 55 ;;
	2) finish 56 ;;
	esac
	sum=$(md5sum <"$made" 2>/dev/null)
else
	mkdir "$made" 2>/dev/null || fail 45
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
