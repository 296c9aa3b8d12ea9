# SPDX-License-Identifier: Apache-2.0
# Stands before the second half of fs.sh, which runs in a shell of its own where $jail is set (enter.sh): its code is the
# status, and the answer's end is the other shell's business.
if [ -n "$jail" ]; then
	root= job=
	finish() {
		exit "$1"
	}
	need() {
		command -v "$2" >/dev/null 2>&1 || exit "$1"
	}
	trap 'trap "" TERM; [ -z "$job" ] || kill "$job"; wait; exit 143' TERM
fi
