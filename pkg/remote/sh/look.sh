# SPDX-License-Identifier: Apache-2.0
# What is there? Nothing is opened here but directories.

# verb_stat PATH FOLLOW. Answer: physical path NUL, facts NUL, link target NUL, "w" where its directory may be written, "o" where the
# file itself may be, NUL.
# Where the last name is not there, that is said behind its directory: path, "", name, "w".
verb_stat() {
	missing=''
	resolve "$1" "$2"
	code=$?
	here=./$name
	if [ "$code" != 0 ]; then
		[ "$code:$rest" = "$GONE:" ] && [ -n "$missing" ] || return "$code"
		printf '%s\0\0%s\0' "${at:-/}" "$missing"
		[ ! -w . ] || printf w
		printf '\0'
		return "$GONE"
	fi
	look || return
	printf '%s\0%s\0' "${at:-/}" "$line"
	[ ! -L "$here" ] || readlink -n "$here" 2>/dev/null
	printf '\0'
	[ ! -w . ] || printf w
	[ ! -f "$here" ] || [ -L "$here" ] || [ ! -w "$here" ] || printf o
	printf '\0'
}

# verb_walk PATH STAGE MODE FINDARGS... Answer: physical path NUL, facts NUL, "d" for a directory that opens NUL, then for each
# file PATH, "//", facts, with MODE links "//" and what stat's %N has, newline: no path that find makes has "//" in it. With
# MODE names only each PATH NUL. Then NUL, "find STATUS xargs STATUS" NUL. What is below a path in $names is left out.
verb_walk() {
	start "$1" "$2" || return
	look || return
	printf '%s\0%s\0' "${at:-/}" "$line"
	opens "$here" d
	printf '\0'
	format="%n//$facts" mode=$3
	[ "$mode" != links ] || format="$format//%N"
	shift 3
	for point in $names; do
		case $point in
		"${at%/}"/?*) ;;
		*) continue ;;
		esac
		point=$(printf %s "${point#"${at%/}"/}" | sed 's/[][*?\\]/\\&/g')
		set -- "$@" -path "./$point" -prune -print0 -o
	done
	if [ "$mode" = names ]; then
		find "$here" "$@" -print0 2>/dev/null
		printf '\0find %s\0' "$?"
		return 0
	fi
	# The statuses come through the substitution, since the files have the answer for themselves.
	{
		state=$({ {
			find "$here" "$@" -print0 2>/dev/null
			printf 'find %s ' "$?" >&6
		} | {
			xargs -0 -r -s 400000 stat -c "$format" 2>/dev/null >&5
			printf 'xargs %s' "$?" >&6
		}; } 6>&1)
	} 5>&1
	printf '\0%s\0' "$state"
}

# opens PATH TEXT prints TEXT for a directory that opens. What has become a FIFO would block without the "/.".
opens() {
	[ ! -d "$1/." ] || { printf %s "$2"; } 2>/dev/null <"$1/."
	return 0
}

# verb_names PATH STAGE NAME. Answer: for each directory in $names, or NAME, which find cannot go into, its names, each NUL, and NUL.
verb_names() {
	start "$1" "$2" || return
	only "$3"
	for directory in $names; do
		# A directory may be read and not entered.
		(
			set +f
			cd "/proc/self/cwd/$directory" 2>/dev/null && directory=.
			IFS=''
			for pattern in '/*' '/.[!.]*' '/..?*'; do
				# shellcheck disable=SC2086 # a pattern
				set -- "$directory"$pattern
				# A pattern that matched nothing stands for itself, unless there is such a name.
				[ "$#$1" != "1$directory$pattern" ] || [ -L "$1" ] || [ -e "$1" ] || continue
				for f; do
					printf '%s\0' "${f##*/}"
				done
			done
		)
		printf '\0'
	done
}

# verb_facts PATH STAGE NAME. Answer for each of $names, or NAME: facts NUL, "o" for a directory that opens NUL; instead of facts
# "g" for what is gone and "d" for what its directory denies.
verb_facts() {
	start "$1" "$2" || return
	only "$3"
	# shellcheck disable=SC2086 # one a line
	lines=$(stat -c "$facts" $names 2>/dev/null) || lines=''
	for f in $names; do
		if [ -n "$lines" ]; then
			line=${lines%%"$nl"*} lines=${lines#*"$nl"}
		else
			line=$(stat -c "$facts" "$f" 2>/dev/null)
		fi
		if [ -z "$line" ]; then
			line=d
			[ ! -e "${f%/*}/." ] || [ -L "$f" ] || [ -e "$f" ] || line=g
		fi
		printf '%s\0' "$line"
		[ -L "$f" ] || opens "$f" o
		printf '\0'
	done
}
