# SPDX-License-Identifier: Apache-2.0
# Stands before pushhead.sh and push.sh, which run in a shell of their own where $jail is set (pushenter.sh).
if [ -n "$jail" ]; then
	PATH=$jail root=
	export PATH
	IFS= read -r mark <&5
	exec 5<&-
	need() {
		command -v "$2" >/dev/null 2>&1 || finish "$1"
	}
fi
