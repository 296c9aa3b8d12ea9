// SPDX-License-Identifier: Apache-2.0

//go:build linux

package image

import (
	"slices"
	"testing"
)

func TestDependenciesAreServersAndLibraries(t *testing.T) {
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
`
	want := []string{"libc6", "libpcre2-8-0", "zlib1g", "libcrypt1", "nginx-common", "nginx-core"}
	if got := dependencies([]byte(text)); !slices.Equal(got, want) {
		t.Errorf("dependencies = %q, want %q", got, want)
	}
}
