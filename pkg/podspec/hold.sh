# SPDX-License-Identifier: Apache-2.0
# Stands in for a container's own process, whose words are "$@": keeps them for "run", each in a file of its own because a
# word may hold anything, and waits.
PATH=$PATH:/.shareproc/bin
i=0
for word; do
	printf %s "$word" >"/.shareproc/words/$i"
	i=$((i + 1))
done
trap 'exit 0' TERM INT HUP
while :; do
	sleep 3600 &
	wait
done
