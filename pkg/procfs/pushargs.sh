# SPDX-License-Identifier: Apache-2.0
# The first half of push.sh's arguments is fs.sh's.
called=$7 temp=$8 kind=$9 mode=${10} seconds=${11} owner=${12} how=${13} earlier=${14}
# Signs of life go to the answer.
exec 4>&1
