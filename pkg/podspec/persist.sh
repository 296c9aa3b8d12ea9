# SPDX-License-Identifier: Apache-2.0
# The own process of a helper that keeps a shell: runs the shell at the container's terminal, ends with its exit code, and
# beside it wait.sh, which ends it when for a while nobody pressed a key and nothing ran in it.
read -r main _ </proc/self/stat
exec 3<&0
# The stdin of what waits is a pipe for it to read from.
: | sh -c 'eval "$SHAREPROC_WAIT"' shareproc "${SHAREPROC%% *}" "$main" >/dev/null 2>&1 &
watcher=$!
unset SHAREPROC SHAREPROC_REASON SHAREPROC_WAIT
# What a shell prints before anybody has attached is lost. Attaching is seen by the terminal's size, which is 0 before.
# Busybox's stty has no word for that, and fails; 127 is none at all.
sized() {
	size=$(stty size 2>/dev/null)
	case $?/$size in
	127/*) ;;
	*/ | *"/0 0") return 1 ;;
	esac
}
until sized; do
	# It has ended: nobody came in time.
	kill -0 "$watcher" 2>/dev/null || exit 0
	sleep 0.2 2>/dev/null || sleep 1
done
sleep 0.2 2>/dev/null || sleep 1
sh 3<&-
code=$?
kill "$watcher" 2>/dev/null
wait
exit "$code"
