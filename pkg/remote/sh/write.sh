# SPDX-License-Identifier: Apache-2.0
# Writing. What comes is put into a stage: a directory that is private to us, in the directory where it will be. Inside it
# nobody else can put anything in our way, even where we may do more than the target; out of it things are renamed.

# into_directory PATH goes to the directory that is written to, which stays open as descriptor 7.
into_directory() {
	need cat chmod chown mkdir mv rm rmdir tar touch sha1sum dd || return
	resolve "$1" w || return
	[ "$name" = . ] || return "$NOT_DIRECTORY"
	{ command exec 7<.; } 2>/dev/null || return "$DENIED"
}

# enter_stage NAME enters the stage, which has to be the directory that we made: ours, closed to others, and in its place.
enter_stage() {
	[ ! -L "./$1" ] && [ -d "./$1" ] || return "$GONE"
	into "$1" || return "$NOT_OURS"
	case $(stat -c %a . 2>/dev/null) in
	700 | 2700) [ -O . ] || return "$NOT_OURS" ;;
	*) return "$NOT_OURS" ;;
	esac
}

# verb_stage DIRECTORY STAGE FORMER GRACE SCOPE makes the stage, or takes over what an earlier connection, or copy, has left in FORMER.
# Answer: the stage's user, group and mode NUL. In a directory with a setgid bit it has the group and the bit, as files will.
verb_stage() {
	into_directory "$1" || return
	if [ -n "$3" ] && [ -e "./$3" ]; then
		enter_stage "$3" || return "$NOT_OURS"
		evict
		cd /proc/self/fd/7 || return "$CHANGED"
		[ "$2" = "$3" ] || mv -f -T "./$3" "./$2" 2>/dev/null
	fi
	sweep "$5"
	mkdir "./$2" 2>/dev/null || [ -d "./$2" ] || fail "$DENIED" || return
	enter_stage "$2" || return
	sign "$5" 2>/dev/null
	stat -c '%u %g %a' . 2>/dev/null
	printf '\0'
}

# sign SCOPE writes into the stage whose it is: the container, over its restarts, and the program.
sign() { echo "$1 $(readlink /proc/self/ns/pid) $self $(ticks "/proc/$self")" >by; }

# sweep SCOPE takes away the stages of programs that are gone without a trace: the container was started again, and they with it.
sweep() {
	own
	set +f
	IFS=' '
	for other in ./.shareproc-*/by; do
		if [ -z "$1" ] || [ ! -f "$other" ] || [ -L "$other" ]; then continue; fi
		read -r scope space p start <"$other" || continue
		[ "$scope" = "$1" ] || continue
		[ "$space" != "$(readlink /proc/self/ns/pid)" ] || ! lives "$p" "$start" || continue
		other=${other%/by}
		other=${other#./}
		case $other in
		*.partial | *.partial[~-]*) ;;
		*) (discard "$other") ;;
		esac
	done 2>/dev/null
	IFS=$split
	set -f
}

# lives PID TICKS says whether the process that was started then runs: a target may collect no zombies.
lives() {
	content "/proc/$1/stat" || return
	case ${text##*) } in [ZX]*) return 1 ;; esac
	[ "$(ticks "/proc/$1")" = "$2" ]
}

# evict ends who still works in this directory: a line may be slow and not dead, and nothing that comes through it may get into
# what is gone on with.
evict() {
	own
	rounds=0 others=1
	set +f
	while [ -n "$others" ] && [ "$rounds" -lt 500 ]; do
		others='' rounds=$((rounds + 1))
		for p in /proc/[0-9]*; do
			p=${p#/proc/}
			if [ "$p" != "$self" ] && [ "/proc/$p/cwd" -ef . ]; then
				others=1
				kill -KILL "$p" 2>/dev/null
			fi
		done
	done
	IFS=$split
	set -f
}

# fail CODE NAME finds out why NAME could not be written here; CODE is for what is left.
fail() {
	code=$1 name=./${2:-.}
	IFS=' '
	# shellcheck disable=SC2046 # words
	set -- $(stat -f -c '%b %a %c %d' . 2>/dev/null)
	# A kernel file system, such as /proc, has no blocks that could be used up.
	if [ "${1:-0}" != 0 ]; then
		[ "$2" != 0 ] || return "$FULL"
		[ "$3" = 0 ] || [ "$4" != 0 ] || return "$FULL"
	fi
	! immutable "$name" || return "$IMMUTABLE"
	[ -w . ] || return "$DIRECTORY_CLOSED"
	[ ! -k . ] || [ -O . ] || [ ! -e "$name" ] || [ -O "$name" ] || return "$STICKY"
	return "$code"
}

# immutable PATH says whether its owner may not write a file that its mode lets him write. Some shells go by the mode alone.
immutable() {
	[ -f "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] || return
	case $(stat -c %a "$1" 2>/dev/null) in
	*[2367]??) ! { true >>"$1"; } 2>/dev/null ;;
	*) return 1 ;;
	esac
}

# verb_put DIRECTORY STAGE KIND ARGS... takes what comes behind the request: lines with a length, each before so many bytes;
# "zN M" before N bytes that are M unpacked; "hole N", which makes the file N bytes long; an empty line, which is a beat; 0, and a line with the SHA-1 of all bytes.
# KIND is "tree" KEEP, each frame a tar archive of what goes into t, or "file" PATH FROM MODE SECONDS OWNER: one in t, from byte FROM on. The
# client waits for a letter before it sends: "z" where gzip is there, else "r". Behind it comes how long the file is, NUL.
verb_put() {
	into_directory "$1" && enter_stage "$2" || return
	if command -v gzip >/dev/null; then printf z; else printf r; fi
	shift 2
	if [ "$1" = tree ]; then
		how=$2
		sum=$({ { frames unpack || [ "$?" = 2 ] || echo failed >&6; } | sha1sum; } 6>&1 2>/dev/null)
		arrived && rm -f ./frame && printf '0\0'
	else
		shift
		put_file "$@"
	fi
}

# unpack N unpacks the next N bytes of the client, an archive, and prints them. They are in a file in between, since tee takes a
# kilobyte at a time.
unpack() {
	pass "$@" >./frame && cat ./frame && (umask 0 && tar -x -f - "$how" <./frame >/dev/null 2>&1)
}

# put_file PATH FROM MODE SECONDS OWNER
put_file() {
	file=./t
	[ "$1" = . ] || file=./t/$1
	if [ "$2" = 0 ]; then
		rm -rf "$file" 2>/dev/null
		{ true >"$file"; } 2>/dev/null || fail "$WRITE_FAILED" || return
	else
		length_of "$2" || fail "$WRITE_FAILED" || return
	fi
	written=$2
	sum=$({ { frames append || [ "$?" = 2 ] || echo failed >&6; } | read_back | sha1sum; } 6>&1 2>/dev/null)
	arrived || return
	[ -z "$5" ] || chown -h "$5" "$file" 2>/dev/null || return "$OWNER"
	chmod "$3" "$file" 2>/dev/null && touch -m -d "@$4" "$file" 2>/dev/null || fail "$WRITE_FAILED" || return
	stat -c %s "$file" && printf '\0'
}

# length_of N makes the file N bytes long.
length_of() { dd bs=1 seek="$1" count=0 of="$file" 2>/dev/null </dev/null; }

# append N puts the next N bytes of the client behind the file, and says where they are; append zN M those that N bytes unpack to.
append() {
	pass "$@" >>"$file" || return
	echo "$written ${2:-$1}"
	written=$((written + ${2:-$1}))
}

# read_back prints what was written, while more of it is: tee, which would do that too, takes a kilobyte at a time.
read_back() {
	while IFS=' ' read -r from length; do
		bytes_from "$length" 4<"$file"
	done
}

# pass N prints the next N bytes of the client, pass zN M what they unpack to.
pass() {
	case $1 in
	z*) dd bs="${1#z}" count=1 iflag=fullblock <&3 2>/dev/null | gzip -dc ;;
	*) dd bs="$1" count=1 iflag=fullblock <&3 2>/dev/null ;;
	esac
}

# frames COMMAND has COMMAND N take the bytes of each frame. What came is a sign of life.
frames() {
	while IFS= read -r length <&3; do
		case $length in
		'') ;;
		0) return 0 ;;
		hole*)
			written=${length#hole }
			length_of "$written" || return 1
			;;
		z*) "$1" "${length% *}" "${length#* }" || return 1 ;;
		*) "$1" "$length" || return 1 ;;
		esac
		echo >&4
	done
	return 2
}

# arrived compares what was written with what was sent: a sum that never comes is a broken line, whatever tar made of its end.
arrived() {
	IFS= read -r want <&3 || return "$CUT"
	case $sum in *failed*) sum=failed ;; esac
	[ "${sum%% *}" = "$want" ] || fail "$WRITE_FAILED"
}

# verb_own DIRECTORY STAGE OWNER NAME gives $names or NAME of the stage to OWNER.
verb_own() {
	start "$1" "$2" || return
	only "$4"
	# shellcheck disable=SC2086 # one a line
	chown -h "$3" $names 2>/dev/null || return 0
}

# verb_commit DIRECTORY STAGE BELOW TO NAME moves t to BELOW/TO; or, where there is no TO, $names or NAME out of t to the same paths
# below BELOW.
# Answer for each that could not be moved: path NUL, code NUL.
verb_commit() {
	into_directory "$1" || return
	enter_stage "$2" && { command exec 8<.; } 2>/dev/null || return "$NOT_OURS"
	cd /proc/self/fd/7 && down "$3" && { command exec 7<.; } 2>/dev/null || return "$IN_THE_WAY"
	at=$at/$3
	if [ -n "$4" ]; then
		move t "$4" || printf '.\0%s\0' "$?"
		return 0
	fi
	only "$5"
	last=. batch=''
	for f in $names; do
		parent=${f%/*}
		if [ "$parent" != "$last" ]; then
			move_batch
			last=$parent
			cd /proc/self/fd/7 || return "$CHANGED"
			down "$parent" || {
				last=''
				printf '%s\0%s\0' "$f" "$IN_THE_WAY"
				continue
			}
		fi
		if is_directory "/proc/self/fd/8/t/$f" || special "./${f##*/}"; then
			move_one "$f"
		else
			batch=$batch${batch:+$nl}/proc/self/fd/8/t/$f
		fi
	done
	move_batch
}

# down PATH enters a directory below, through directories only.
down() {
	IFS=/
	# shellcheck disable=SC2086 # names
	set -- ${1#.}
	IFS=$split
	for part; do
		[ -z "$part" ] || { [ ! -L "./$part" ] && into "$part"; } || return
	done
}

is_directory() { [ ! -L "$1" ] && [ -d "$1" ]; }

# special says whether a path has what a file does not replace.
special() { [ ! -L "$1" ] && [ -e "$1" ] && [ ! -f "$1" ]; }

# move_batch moves the files of one directory, and each of what is left by itself.
move_batch() {
	# shellcheck disable=SC2086 # one a line
	[ -z "$batch" ] || mv -f $batch . 2>/dev/null || for source in $batch; do
		[ -L "$source" ] || [ -e "$source" ] || continue
		move_one "${source#/proc/self/fd/8/t/}"
	done
	batch=''
}

move_one() { move "t/$1" "${1##*/}" || printf '%s\0%s\0' "$1" "$?"; }

# move PATH NAME moves PATH of the stage here. A directory may be moved only by who can write in it: its mode is put back by
# descriptor, since its name is everybody's again by then.
move() {
	source=/proc/self/fd/8/$1
	if is_directory "$source"; then
		! is_directory "./$2" || return "$EXISTS"
		[ ! -L "./$2" ] && [ ! -e "./$2" ] || return "$IN_THE_WAY"
		mode=$(stat -c %a "$source")
		chmod u+rwx "$source" && { command exec 6<"$source"; } 2>/dev/null || return "$DENIED"
		mv -f -T "$source" "./$2" 2>/dev/null && chmod "$mode" /proc/self/fd/6 && return
	else
		! special "./$2" || return "$IN_THE_WAY"
		# busybox wants to know what a link leads to before it replaces it.
		[ ! -L "./$2" ] || rm -f "./$2" 2>/dev/null
		mv -f -T "$source" "./$2" 2>/dev/null && return
	fi
	fail "$WRITE_FAILED" "$2"
}

# verb_remove DIRECTORY STAGE NAME takes $names or NAME out of the stage, or all of it, by its inside.
verb_remove() {
	into_directory "$1" || return
	only "$3"
	if [ -z "$names" ]; then
		[ ! -e "./$2" ] || discard "$2"
		return
	fi
	enter_stage "$2" || return
	# What a link leads to is not the stage's.
	[ ! -L t ] || names=.$split
	for f in $names; do
		[ "$f" != . ] || f=''
		[ ! -L t ] || rm -f t
		[ ! -d "t/$f" ] || chmod -R u+rwx "t/$f" 2>/dev/null
		rm -rf "./t/${f#./}" 2>/dev/null
	done
}

discard() {
	enter_stage "$1" || return
	chmod -R u+rwx . 2>/dev/null
	rm -rf ./t ./by ./frame 2>/dev/null
	cd /proc/self/fd/7 || return "$CHANGED"
	rmdir "./$1" 2>/dev/null || fail "$WRITE_FAILED"
}

# abandon takes away what a client has left that is gone: GRACE seconds later, since it may come back for it under another name.
abandon() {
	[ -n "$stage" ] || return 0
	exec >/dev/null 2>&1
	into_directory "$stage_directory" || return 0
	while [ -e "./$stage" ] && [ "$grace" -gt 0 ]; do
		sleep 1
		grace=$((grace - 1))
	done
	discard "$stage"
}
