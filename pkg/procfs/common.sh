# SPDX-License-Identifier: Apache-2.0
# Common to every script: the rest of the handshake with the client, explained in ask.go, which has its beginning.
# TZ spares stat a look at the time zone's file for each time that it writes.
LC_ALL=C TZ=UTC0
export LC_ALL TZ

# guard ends the script and all that it runs as soon as the client closes stdin. Without it a client that goes away
# leaves them behind: a runtime may keep a stream open that it reads no more, so that writing to it blocks for ever.
# What the client sends until then are beats, which go back on stderr: it gives up a line that does not answer (watch.go).
# A runtime starts a command as the leader of a process group; where nobody did, the shell and its $job are ended.
# The shell waits for its children in any case: they would stay zombies where the target's PID 1 does not look after
# orphans.
guard() {
	code= job=
	trap 'trap "" TERM; [ -z "$job" ] || kill "$job"; wait; exit "${code:-143}"' TERM
	{
		trap - TERM
		trap '' PIPE
		while read -r beat; do echo >&4; done
		kill -TERM "-$$" || kill -TERM "$$"
	} 4>&2 <&3 >/dev/null 2>&1 &
	watcher=$!
}

# finish CODE ends the answer, and outlives it until the client has read it and closes stdin: a runtime may drop what
# a process that is gone has written.
finish() {
	code=$1
	printf '\000%s%03d\n' "$mark" "$code"
	wait "$watcher"
	exit "$code"
}

# need CODE TOOL ends the answer where the helper lacks a tool.
need() {
	command -v "$2" >/dev/null 2>&1 || finish "$1"
}
