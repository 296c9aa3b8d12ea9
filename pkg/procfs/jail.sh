# SPDX-License-Identifier: Apache-2.0
# jail TOOL... says whether the helper's own tools run inside $root, and sets tools to the folder that has them, and jail to
# what that is there: the target's /proc leads back to the helper's root.
jail() {
	jail= tools=
	# Nothing of the target's may be taken for a tool. So the target's /proc has to be the kernel's: a mount point, which
	# nobody can put a folder of his own in the place of, where a process has made itself a root of plain folders.
	mount=$(grep -E '^[^ ]+ [^ ]+ [^ ]+ [^ ]+ /proc ' "$pid/mountinfo" 2>/dev/null)
	case $mount in
	*' - '*' - '*) return 1 ;;
	*' / /proc '*' - proc '*) ;;
	*) return 1 ;;
	esac
	# The same number is the same process there only in the same PID namespace.
	[ "$root/proc/$$/root/." -ef /. ] || return 1
	IFS=:
	for folder in $PATH; do
		[ -z "$tools" ] && [ -x "$folder/sh" ] && tools=$folder
	done
	unset IFS
	# A link on the way would lead from there into the target.
	[ -n "$tools" ] && [ "$(readlink -f "$tools/sh" 2>/dev/null)" = "$tools/sh" ] || return 1
	# A target with a /dev of its own might get a file for what is thrown away.
	[ -c "$root/dev/null" ] && [ ! -L "$root/dev/null" ] || return 1
	for tool; do
		[ ! -L "$tools/$tool" ] && [ "$tools/$tool" -ef "$tools/sh" ] || return 1
	done
	jail=/proc/$$/root$tools
	"$tools/chroot" "$root" "$jail/sh" -c : 2>/dev/null
}
