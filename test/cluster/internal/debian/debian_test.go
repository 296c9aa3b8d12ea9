// SPDX-License-Identifier: Apache-2.0

//go:build linux

package debian

import (
	"slices"
	"testing"
)

func TestNeededAreServersAndLibraries(t *testing.T) {
	const text = `nginx
  Depends: libc6
 |Depends: libpcre2-8-0
  Depends: zlib1g
  Depends: iproute2
  PreDepends: libcrypt1
  Depends: nginx-common
 |Depends: nginx-core
  Depends: nginx-full
  Depends: <nginx-abi>
    libfoo
  Depends: libnginx-mod-http-lua
iproute2
  Depends: libbpf1
libc6
  Depends: libgcc-s1
libgcc-s1
  Depends: libc6
`
	want := []string{"nginx", "libc6", "libpcre2-8-0", "zlib1g", "libcrypt1", "nginx-common", "nginx-core", "libgcc-s1"}
	if got := needed([]string{"nginx"}, []byte(text)); !slices.Equal(got, want) {
		t.Errorf("needed = %q, want %q", got, want)
	}
}
