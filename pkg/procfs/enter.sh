# SPDX-License-Identifier: Apache-2.0
# Stands behind the choice of a process (the first half of fs.sh) and jail.sh. The second half, $look, runs inside that process's
# root where that can be done: a path then leads nowhere else, whatever is put in its way meanwhile. Where it cannot
# (no root or no CAP_SYS_CHROOT, tools that are no static busybox, a root without /proc) it runs here, and walks by path.

if jail cat chroot dd find grep head readlink sha1sum sha256sum stat tail tr xargs; then
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
