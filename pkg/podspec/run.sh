#!/.shareproc/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run: starts in the foreground what this container would have started; run COMMAND: something else.
if [ $# = 0 ]; then
	i=0
	while [ -e "/.shareproc/words/$i" ]; do
		word=$(cat "/.shareproc/words/$i" && echo .)
		set -- "$@" "${word%.}"
		i=$((i + 1))
	done
fi
if [ $# = 0 ]; then
	echo "run: the pod spec has no command for this container, and the image's own is unknown here: type run COMMAND" >&2
	exit 2
fi
exec "$@"
