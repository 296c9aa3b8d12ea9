# SPDX-License-Identifier: Apache-2.0
# Holds session $1 from beside. The client's death closes this command's stdin, which it need not close for the session's
# own: then everything that carries the session's mark in its environment is ended. "bye" is a normal end.

echo ready
while read -r word; do
	[ "$word" != bye ] || exit 0
done
for signal in HUP KILL; do
	for process in /proc/[0-9]*; do
		tr '\0' '\n' <"$process/environ" 2>/dev/null | grep -qxF "SHAREPROC_SESSION=$1" &&
			kill -"$signal" "${process#/proc/}" 2>/dev/null
	done
	sleep 1
done
