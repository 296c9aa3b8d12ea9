# SPDX-License-Identifier: Apache-2.0
# Says what is known of a file beside its bytes, and whether another could take its place. Runs behind the beginning of
# fs.sh, which has found $root. The answer is read by inspect.go: identity as fs.sh gives it, the physical path NUL, facts
# NUL, "1" where its directory may be written NUL, the process's mountinfo NUL.
# With the time of change (%z), which nobody can set, the facts are the same exactly as long as the file is.
facts='%d:%i %f %s %u %g %h %t:%T %Y %y %b %z'
resolve "$path" 1 || finish $?
line=$(stat -c "$facts" "$root${at:-/.}" 2>/dev/null) || finish 47
printf '%s\0%s\0' "${at:-/}" "$line"
[ ! -w "$root${at%/*}/." ] || printf 1
printf '\0'
cat "$pid/mountinfo" 2>/dev/null
printf '\0'
finish 0
