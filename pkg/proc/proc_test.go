// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"maps"
	"testing"
)

const limitsText = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max open files            1024                 524288               files     
Max realtime timeout      unlimited            unlimited            us        
`

func TestLimitsAreTheSoftOnes(t *testing.T) {
	want := map[string]uint64{"Max cpu time": Unlimited, "Max open files": 1024, "Max realtime timeout": Unlimited}
	if got := Limits(limitsText); !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func FuzzLimits(f *testing.F) {
	f.Add(limitsText)
	f.Add("Max open files            x\nMax                       \n")
	f.Fuzz(func(t *testing.T, text string) {
		for name := range Limits(text) {
			if name == "" || len(name) > 26 {
				t.Errorf("name %q", name)
			}
		}
	})
}
