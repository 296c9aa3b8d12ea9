# SPDX-License-Identifier: Apache-2.0
# Copies a file or a tree out of a process's root. Runs where enter.sh lets it, inside that root or not. The answer
# is read by pull.go: identity and facts as fs.sh gives them, the mark NUL, "file" or "tree" NUL, then a file's frame
# (one.sh); or of a tree first batches of all that has no content (meta.sh), "" NUL, then frames of files (bulk.sh, one.sh).
# Nothing is asked of a tree in between: a command costs more than a file.
# $options: "sizes" puts in front how much there is, "follow" leads through links (follow.sh); "list" answers with the
# batches of all small files, "" NUL, and those of the large ones, "" NUL, instead; "again" goes on with what it told, in
# the same order, by the plan in $wants (again.sh, one.sh), and "nometa" leaves out what has no content.
need 80 sha1sum
need 81 dd
# %b and %z come last: only copying reads them, and they tell a file that changed without changing size or time.
facts='%d:%i %f %s %u %g %h %t:%T %Y %y %b %z'
case $options in
*again*) resume=1 ;;
*) resume= ;;
esac
export facts resume
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
# sized answers with lines of size and blocks.
sized() {
	case $options in
	*sizes*) "$@" ;;
	esac
	printf '\0'
}

# planned does something with the plan on descriptor 7, where enter.sh has it already inside the root.
planned() {
	if [ -n "$resume" ] && [ -z "$jail" ]; then
		printf '%s' "$wants" | "$@" 7<&0
	else
		"$@"
	fi
}

if [ -f "$here" ]; then
	printf 'file\0'
	case $options in
	*list*)
		printf '\0.\0\0%s\n\0\0\0\0' "$line"
		finish 0
		;;
	esac
	sized :
	planned sh -c "$one" sh "$here"
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
small() { walk -type f -size -131072c; }
large() { walk -type f ! -size -131072c; }
described() { xargs -0 -r -n 100 -s 600000 sh -c "$batch" sh && printf '\0'; }

case $options in
*list*)
	small | described
	large | described
	finish 0
	;;
esac

sizes() { walk -type f | xargs -0 -r stat -c '%s %b' 2>/dev/null; }
sized sizes
case $options in
*nometa*) ;;
*follow*) walk ! -type f ! -type l | xargs -0 -r sh -c "$batch" sh ;;
*) walk ! -type f | xargs -0 -r sh -c "$batch" sh ;;
esac
printf '\0'

# content sends the files. A large one has a frame of its own. Of the smallest ones many share one: the processes that make a
# frame cost more than what is in it.
content() {
	if [ -n "$resume" ]; then
		small | xargs -0 -r -n 100 -s 600000 sh -c "$again" sh
	else
		walk -type f -size -16384c | xargs -0 -r -n 2000 -s 400000 sh -c "$bulk" sh
		walk -type f ! -size -16384c -size -131072c | xargs -0 -r -n 500 -s 100000 sh -c "$bulk" sh
	fi
	large | xargs -0 -r sh -c "$one" sh
}
planned content
case $options in
*follow*)
	resume=
	[ -n "$jail" ] || root=$proc/$root
	export root where pid
	walk -type l | xargs -0 -r sh -c "$follow" sh
	;;
esac
printf '\0'
finish 0
