# SPDX-License-Identifier: Apache-2.0
# Paths of the target are walked by hand, since the kernel would start an absolute link at the helper's own root. The walk
# goes from directory to directory by descriptor and is never at a path that somebody could change behind it.

# into NAME enters a directory of this one. Where a link was put in its place just now, ".." is not where we come from.
into() {
	{
		cd "/proc/self/cwd/$1" && { [ .. -ef /proc/self/fd/8 ] || return "$CHANGED"; }
	} 2>/dev/null 8<. && return
	# A directory may be entered and not read: then it is known by its number.
	before=$(stat -c %d:%i . 2>/dev/null)
	cd "/proc/self/cwd/$1" 2>/dev/null || return "$DENIED"
	[ "$(stat -c %d:%i .. 2>/dev/null)" = "$before" ] || return "$CHANGED"
}

# top goes to the target's root.
top() {
	at='' leap=''
	cd /proc/self/fd/9/. 2>/dev/null || return "$NO_PROCESS"
}

# magic NAME says whether a link is one that the kernel follows by itself: its text is not where it leads.
magic() {
	case $at/$1 in
	*/[0-9]*/root | */[0-9]*/cwd | */[0-9]*/exe | */fd/[0-9]* | */map_files/*-* | */ns/*) ;;
	*) return 1 ;;
	esac
	[ "$(stat -f -c %t . 2>/dev/null)" = 9fa0 ]
}

# resolve PATH FOLLOW walks PATH as the process itself would. It leaves us in the directory of the last name and sets name,
# "." for the directory itself, and at, the physical path. FOLLOW is 1 where a link in last place is followed too, 0 where it
# is not. For who is going to write it is w and n: no link of the target's may lead to one that only the kernel can follow. With p
# the path is one that was physical, and a link on the way is a change.
resolve() {
	rest=$1 hops=0 name=.
	[ "${#rest}" -le 4095 ] || return "$NAME_TOO_LONG"
	top || return
	while :; do
		while :; do
			case $rest in
			/*) rest=${rest#/} ;;
			*) break ;;
			esac
		done
		[ -n "$rest" ] || return 0
		case $rest in
		*/*) word=${rest%%/*} rest=${rest#*/} more=/ ;;
		*) word=$rest rest='' more='' ;;
		esac
		case $word in
		.) continue ;;
		..) up || return ;;
		*)
			step "$word" "$2" || return
			[ "$name" = . ] || return 0
			;;
		esac
	done
}

# up is "..": back by the path that led here, or by the kernel's way behind one of its own links.
up() {
	if [ -n "$leap" ]; then
		cd -P .. 2>/dev/null || return "$DENIED"
		at=$at/..
		return
	fi
	parts=${at%/*}
	top || return
	IFS=/
	for part in $parts; do
		[ -z "$part" ] || { into "$part" && at=$at/$part; } || return
	done
}

# step NAME FOLLOW goes one name further. A link becomes part of the rest instead.
step() {
	[ "${#1}" -le 255 ] && [ "${#at}" -le 3840 ] || return "$NAME_TOO_LONG"
	if [ -L "./$1" ]; then
		case $2$more$rest in
		[0np])
			name=$1 at=$at/$1
			return
			;;
		esac
		hops=$((hops + 1))
		[ "$hops" -le 40 ] || return "$LOOP"
		if magic "$1"; then
			leap "$1" "$2"
			return
		fi
		[ "$2" != p ] || return "$CHANGED"
		text=$(readlink -n "./$1" 2>/dev/null && echo .) || return "$DENIED"
		text=${text%.}
		[ -n "$text" ] || return "$GONE"
		case $at/$1 in
		# The kernel answers "self" with whoever asks; here the target is meant.
		/proc/self) text=$pid ;;
		/proc/thread-self) text=$pid/task/$pid ;;
		esac
		case $text in
		/*) top || return ;;
		esac
		rest=$text$more$rest
		[ "${#rest}" -le 8191 ] || return "$NAME_TOO_LONG"
	elif [ -d "./$1" ]; then
		into "$1" || {
			code=$?
			[ -d "./$1" ] || code=$CHANGED
			# What cannot be entered has facts all the same.
			[ "$code:$more$rest" = "$DENIED:" ] && [ "$2" != 2 ] || return "$code"
			name=$1
		}
		at=$at/$1
	elif [ -e "./$1" ]; then
		[ -z "$more" ] || return "$NOT_DIRECTORY"
		name=$1 at=$at/$1
	else
		missing=$1
		return "$GONE"
	fi
}

# leap NAME FOLLOW follows a link of the kernel's. Behind a link of the target's that is refused to who is going to write.
leap() {
	case $2:$hops in
	[wn]:1 | [01p]:*) ;;
	*) return "$IN_THE_WAY" ;;
	esac
	at=$at/$1
	if [ -d "./$1/." ]; then
		cd "/proc/self/cwd/$1" 2>/dev/null || return "$DENIED"
		leap=1
	elif [ -e "./$1" ]; then
		[ -z "$more$rest" ] || return "$NOT_DIRECTORY"
		name=$1 leap=1
	else
		return "$DENIED"
	fi
}

# start PATH STAGE goes to where a verb begins: PATH, or what is private to us in it. With "-" the path is a physical one.
start() {
	case $2 in
	-) resolve "$1" p || return ;;
	*) resolve "$1" 1 || return ;;
	esac
	[ "$name" = . ] || [ -L "./$name" ] || [ ! -d "./$name" ] || return "$DENIED"
	if [ -n "${2#-}" ]; then
		[ -e "./$2" ] || return "$GONE"
		enter_stage "$2" || return
		[ -e t ] || [ -L t ] || return "$GONE"
		name=t
		[ -L t ] || [ ! -d t ] || { cd /proc/self/cwd/t && name=.; } 2>/dev/null || return "$DENIED"
	fi
	here=.
	[ "$name" = . ] || here=./$name
}

# look sets line to the facts about $here: about what it leads to where only the kernel knows.
look() {
	if [ -n "$leap" ] && [ "$name" != . ]; then
		line=$(stat -L -c "$facts" "$here" 2>/dev/null)
	else
		line=$(stat -c "$facts" "$here" 2>/dev/null)
	fi || return "$CHANGED"
}
