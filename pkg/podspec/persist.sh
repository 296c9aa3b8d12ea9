# SPDX-License-Identifier: Apache-2.0
# The own process of a helper that keeps a shell: runs the shell at the container's terminal, ends with its exit code, and
# beside it a watcher that ends it when for $1 seconds nobody pressed a key and nothing ran in it.
keep=$1
step=5
[ "$keep" -lt "$step" ] && step=1
state=/tmp/.shareproc-state
unset SHAREPROC_WAIT SHAREPROC_FOR SHAREPROC_BY
read -r main _ </proc/self/stat
exec 3<&0
# The longest line of the cgroup file is the one that names the container, on cgroup v1 and v2 alike.
own=
while IFS= read -r line; do
	[ "${#line}" -gt "${#own}" ] && own=$line
done </proc/self/cgroup

# busy: a process of this container runs that is not the shell, nor this script's. Sets shell.
busy() {
	shell= none=1
	for file in $(grep -lxsF -e "$own" /proc/[0-9]*/cgroup); do
		pid=${file#/proc/}
		pid=${pid%/cgroup}
		[ "$pid" = "$main" ] || [ "$pid" = "$self" ] && continue
		stat=
		while IFS= read -r line; do stat=$line; done 2>/dev/null <"/proc/$pid/stat"
		[ -n "$stat" ] || continue
		# What follows the last ")" is: state, parent, ...
		stat=${stat##*)}
		stat=${stat# * }
		case ${stat%% *} in
		"$self") ;;
		"$main") shell=$pid ;;
		*) none=0 ;;
		esac
	done
	return "$none"
}

# A child left behind would become the target's first process's, which may never reap it.
end() {
	trap '' TERM
	[ -z "$nap" ] || kill "$nap" 2>/dev/null
	busy
	for signal in HUP KILL; do
		[ -n "$shell" ] && kill -"$signal" "$shell" 2>/dev/null || exit 0
		# What is stopped gets its signal when it goes on.
		kill -CONT "$shell" 2>/dev/null
		sleep 1
	done
	exit 0
}

watch() {
	nap= idle=0
	trap '' INT QUIT TSTP TTIN TTOU HUP
	trap end TERM
	read -r self _ </proc/self/stat
	last=$(date +%s)
	# The kernel notes a key's time to 8 seconds (drivers/tty/tty_io.c, tty_update_time).
	while [ "$idle" -lt $((keep + 8)) ]; do
		# For whoever asks: which process to end, for how long it has been idle, and which process is the container's.
		echo "$self $idle $main" 2>/dev/null >"$state"
		sleep "$step" &
		nap=$!
		wait
		now=$(date +%s)
		key=$(stat -Lc %X /proc/self/fd/3)
		[ "${key:-0}" -gt "$last" ] && last=$key
		busy && last=$now
		idle=$((now - last))
	done
	echo "no key for $keep seconds: this shell ends" >&3
	end
}

watch >/dev/null 2>&1 &
watcher=$!
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
	sleep 0.2 2>/dev/null || sleep 1
done
sleep 0.2 2>/dev/null || sleep 1
sh 3<&-
code=$?
kill "$watcher" 2>/dev/null
wait
exit "$code"
