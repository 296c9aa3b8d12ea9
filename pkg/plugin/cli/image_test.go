// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"

	"github.com/distribution/reference"
)

// A tag may come to mean another image, which would run in other people's pods.
func TestDefaultImageIsPinned(t *testing.T) {
	named, err := reference.ParseNormalizedNamed(DefaultImage)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := named.(reference.Canonical); !ok {
		t.Errorf("%s has no digest", DefaultImage)
	}
	if tagged, ok := named.(reference.Tagged); !ok || !strings.HasSuffix(tagged.Tag(), "-musl") {
		t.Errorf("%s does not name the static build", DefaultImage)
	}
}
