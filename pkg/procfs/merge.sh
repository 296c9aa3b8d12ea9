# SPDX-License-Identifier: Apache-2.0
# "$1" is check or move; from the fourth on "$@" are paths of a tree at $2, of which each goes to its place in a
# directory $3 that is there. Check fails where something of another kind is in the way, links to directories too.
act=$1 from=$2 to=$3 n=0
shift 3
for f; do
	n=$((n + 1))
	[ "$((n % 1000))" != 0 ] || printf , >&4 # see push.sh
	place=$to${f#"$from"}
	if [ -d "$f" ] && [ ! -L "$f" ]; then
		case $act in
		check) [ ! -L "$place" ] && { [ -d "$place" ] || [ ! -e "$place" ]; } || exit 1 ;;
		*) [ -d "$place" ] || mv -f -T "$f" "$place" || exit 1 ;;
		esac
		continue
	fi
	case $act in
	check) [ -L "$place" ] || [ ! -d "$place" ] || exit 1 ;;
	*)
		# It may have gone with its directory.
		if [ -e "$f" ] || [ -L "$f" ]; then
			# busybox wants to know what a link leads to before it replaces it, and may not find out.
			mv -f -T "$f" "$place" || { [ -L "$place" ] && rm -f "$place" && mv -f -T "$f" "$place"; } || exit 1
		fi
		;;
	esac
done
