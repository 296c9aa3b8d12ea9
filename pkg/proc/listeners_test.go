// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"fmt"
	"testing"
)

func TestListenersAreReachedFromTheirOwnNetwork(t *testing.T) {
	for _, c := range []struct{ address, state, want string }{
		{"127.0.0.1", "LISTEN", "[127.0.0.1:80]"},
		{"0.0.0.0", "LISTEN", "[127.0.0.1:80]"},
		{"::", "LISTEN", "[127.0.0.1:80 [::1]:80]"},
		{"::ffff:127.0.0.1", "LISTEN", "[127.0.0.1:80]"},
		{"2001:db8::1", "LISTEN", "[[2001:db8::1]:80]"},
		{"127.0.0.1", "ESTABLISHED", "[]"},
		{"", "LISTEN", "[]"},
	} {
		s := Socket{Protocol: "tcp", State: c.state, LocalAddress: c.address, LocalPort: 80}
		if got := fmt.Sprint(s.Reach()); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.state, c.address, got, c.want)
		}
	}
}

func TestAJVMIsKnownByItsLibrary(t *testing.T) {
	const mapped = "7fb9fb251000-7fb9fbfa4000 r-xp 00251000 fe:00 315152                     /usr/lib/jvm/lib/server/libjvm.so\n"
	if !IsJVM("00400000-00401000 r-xp 00000000 fe:00 1 /bin/java\n" + mapped) {
		t.Error("a JVM is not known")
	}
	for _, text := range []string{
		"", "00400000-00401000 r-xp 00000000 fe:00 1 /bin/java\n",
		"7fb9fb251000-7fb9fbfa4000 r--p 00251000 fe:00 315152 /lib/libjvm.so\n",
		"7fb9fb251000-7fb9fbfa4000 r-xp 00251000 fe:00 315152 /lib/notlibjvm.so\n",
	} {
		if IsJVM(text) {
			t.Errorf("%q is a JVM", text)
		}
	}
}
