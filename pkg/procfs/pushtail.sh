# SPDX-License-Identifier: Apache-2.0
# Some runtimes kill the first process of a command whose stream was cut, and nothing else. So that there is somebody left
# to clean up, another one does the work.
trap '' PIPE
work "$@" &
job=$!
trap 'kill "$job"' TERM HUP INT
wait "$job"
wait "$job"
