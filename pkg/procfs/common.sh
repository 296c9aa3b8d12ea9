# SPDX-License-Identifier: Apache-2.0
# Common to every script: the end of the handshake with the client, explained in ask.go, which also has its beginning.
LC_ALL=C
export LC_ALL

# finish CODE ends the answer, and outlives it until the client has read it: a runtime may drop what a process
# that is gone has written.
finish() {
	printf '\000%s%03d\n' "$mark" "$1"
	while read -r beat; do :; done <&3
	exit "$1"
}

# need CODE TOOL ends the answer where the helper lacks a tool.
need() {
	command -v "$2" >/dev/null 2>&1 || finish "$1"
}
