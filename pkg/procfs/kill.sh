# SPDX-License-Identifier: Apache-2.0
# Sends signal $4 to process $2, if it is still the one that started at tick $3.
proc=$1 pid=$2 start=$3 signal=$4
guard
need 60 cat
cd "$proc" || finish 50
text=$(cat "$pid/stat" 2>/dev/null) || finish 50
set -- ${text##*) }
[ "${20}" = "$start" ] || finish 50
kill -"$signal" "$pid" 2>/dev/null && finish 0
[ -d "$pid" ] || finish 50
finish 45
