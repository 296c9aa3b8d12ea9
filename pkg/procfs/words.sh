# SPDX-License-Identifier: Apache-2.0
# Stands before a script whose arguments came escaped (words.go), and puts back what they are.
count=$#
while [ "$count" -gt 0 ]; do
	word=$(printf '%b.' "$1")
	shift
	set -- "$@" "${word%.}"
	count=$((count - 1))
done
