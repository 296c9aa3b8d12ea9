# SPDX-License-Identifier: Apache-2.0
# Stands behind the choice of a process (the first half of fs.sh). The second half, $look, runs inside that process's
# root where that can be done: a path then leads nowhere else, whatever is put in its way meanwhile. Where it cannot
# (no root or no CAP_SYS_CHROOT, tools that are no static busybox, a root without /proc) it runs here, and walks by path.

# jail says whether the helper's own tools run inside $root, and sets jail to the folder that has them there: the
# target's /proc leads back to the helper's root.
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
	for tool in cat chroot dd find grep head sha1sum readlink sha256sum stat tail tr xargs; do
		[ ! -L "$tools/$tool" ] && [ "$tools/$tool" -ef "$tools/sh" ] || return 1
	done
	jail=/proc/$$/root$tools
	"$tools/chroot" "$root" "$jail/sh" -c : 2>/dev/null
}

if jail; then
	export verb options path extra pid batch jail
	# What is too long for an environment comes on descriptor 7 (pull.sh).
	printf '%s' "$wants" | PATH=$jail "$tools/chroot" "$root" "$jail/sh" -c "$look" 7<&0 </dev/null &
	job=$!
	wait "$job"
	code=$?
	job=
	finish "$code"
fi
jail=
eval "$look"
