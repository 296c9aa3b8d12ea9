# SPDX-License-Identifier: Apache-2.0
# Common to every script: the rest of the handshake with the client, explained in ask.go, which has its beginning.
LC_ALL=C
export LC_ALL

# guard ends the script and all that it runs as soon as the client closes stdin. Without it a client that goes away
# leaves them behind: a runtime may keep a stream open that it reads no more, so that writing to it blocks for ever.
# A runtime starts a command as the leader of a process group; where nobody did, the shell alone is ended.
guard() {
	{
		while read -r beat; do :; done
		kill -TERM "-$$" || kill -TERM "$$"
	} <&3 >/dev/null 2>&1 &
	guard=$!
}

# finish CODE ends the answer, and outlives it until the client has read it: a runtime may drop what a process
# that is gone has written. From the mark on, the end of stdin is the good end.
finish() {
	code=$1
	printf '\000%s%03d\n' "$mark" "$code"
	trap 'exit "$code"' TERM
	wait "$guard"
	exit "$code"
}

# need CODE TOOL ends the answer where the helper lacks a tool.
need() {
	command -v "$2" >/dev/null 2>&1 || finish "$1"
}
