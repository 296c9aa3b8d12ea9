# SPDX-License-Identifier: Apache-2.0
# Stands behind the choice of a process and jail.sh, and becomes push.sh ($look) inside that process's root where that can be
# done, as enter.sh has it; else here. The tools are reached through a directory that stays open: this shell is one that may
# outlive the first process (pushtail.sh), through which enter.sh reaches them.
if jail cat chmod chown chroot dd find grep head mkdir mv readlink rm sha1sum sleep stat tail tar tee touch tr xargs; then
	jail=/proc/self/fd/8
	export path options pid batch called temp kind mode seconds owner how earlier jail
	# The mark is for nobody else's eyes. The words behind the text are for those that look for this attempt (push.sh).
	exec "$tools/chroot" "$root" "$jail/sh" -c "$look" sh "$temp" "$kind" 8<"$tools" 5<<MARK
$mark
MARK
fi
jail=
eval "$look"
