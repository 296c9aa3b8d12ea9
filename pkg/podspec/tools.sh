# SPDX-License-Identifier: Apache-2.0
# Puts the tools of the helper's image, which is a static busybox, into the volume that a held container mounts. Any user
# may read and use them there, and leave the words of its command.
set -e
umask 022
# What runs cp is the busybox itself, wherever the image has it.
cp /proc/self/exe /.shareproc/busybox
mkdir /.shareproc/bin /.shareproc/words
chmod 1777 /.shareproc/words
/.shareproc/busybox --install /.shareproc/bin
printf %s "$SHAREPROC_RUN" >/.shareproc/bin/run
printf %s "$SHAREPROC_HOLD" >/.shareproc/bin/hold
chmod 755 /.shareproc/bin/run /.shareproc/bin/hold
