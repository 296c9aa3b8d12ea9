# SPDX-License-Identifier: Apache-2.0
# Common to every script: the handshake with the client, explained in ask.go.
# stdin is one line, the mark; then silence (or empty lines) until the client has the whole answer and closes it.
LC_ALL=C
export LC_ALL
exec 3<&0 </dev/null
IFS= read -r mark <&3

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
