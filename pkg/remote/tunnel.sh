# Copies stdin to a TCP connection and what comes to stdout. $1 and $2 are address and port, $3 for how many seconds it tries to
# connect. On stderr a line "+ START NOW" says that it is connected, which nc itself does not say, and "- START NOW" that it has
# ended; the times are those of /proc/uptime.
exec 3<&0 4>&1 5>&2
port=$(printf %04X "$2")
read -r start _ </proc/uptime
nc -w "$3" "$1" "$2" <&3 >&4 2>&5 3<&- 4>&- 5>&- &
nc=$!
trap 'kill "$nc" 2>/dev/null' TERM
exec 3<&- 4>&-
say() {
	read -r now _ </proc/uptime
	echo "$1 $start $now" >&5
}
connected() {
	for file in "/proc/$nc/fd/"*; do
		link=$(readlink "$file") || continue
		inode=${link#socket:[}
		[ "$inode" != "$link" ] || continue
		# Lines are SLOT LOCAL PEER STATE...; the state is 02 as long as nobody answers.
		state=$(grep -h " ${inode%]} " "/proc/$nc/net/tcp" "/proc/$nc/net/tcp6" | while read -r _ _ peer state _; do echo "${peer#*:}:$state"; done)
		case $state in
		"$port:02") ;;
		"$port:"*) return 0 ;;
		esac
	done 2>/dev/null
	return 1
}
# One that has ended has no descriptors; its number stays until it is waited for.
while [ -L "/proc/$nc/fd/2" ]; do
	if connected; then
		say +
		break
	fi
	sleep 0.01 2>/dev/null || sleep 1
done
wait "$nc"
say -
