# SPDX-License-Identifier: Apache-2.0
# Names, as the network of the pod knows them.

# verb_lookup SERVER SECONDS NAME asks a name server. Answer: what nslookup says NUL, its exit status NUL.
verb_lookup() {
	need nslookup timeout || return
	{
		timeout "$2" nslookup "$3" "$1" 2>&1
		printf '\000%s\000' "$?"
	} </dev/null
}
