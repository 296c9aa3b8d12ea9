# SPDX-License-Identifier: Apache-2.0
# Leaves the mark that tells the waiting helper of a command that may be over before it looks, then becomes the command.
true 2>/dev/null >/tmp/.shareproc
exec "$@"
