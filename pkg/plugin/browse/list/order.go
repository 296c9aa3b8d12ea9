// SPDX-License-Identifier: Apache-2.0

package list

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
)

// NextOrder is the order that s goes on to.
func NextOrder(order string) string {
	switch order {
	case "name":
		return "size"
	case "size":
		return "time"
	case "time":
		return "kind"
	}
	return "name"
}

// Sort sorts items. Directories come first where the order is by name; equals keep the order of names.
func Sort(items []place.Item, order string) {
	slices.SortStableFunc(items, func(a, b place.Item) int {
		switch order {
		case "size":
			return cmp.Compare(weight(b), weight(a))
		case "time":
			return b.Time.Compare(a.Time)
		case "kind":
			return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(path.Ext(a.Name), path.Ext(b.Name)), strings.Compare(a.Name, b.Name))
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.Name, b.Name))
	})
}

func rank(i place.Item) int {
	if i.IsDir() {
		return 0
	}
	return 1
}

// weight is a file's size; what is no file has none.
func weight(i place.Item) int64 {
	if i.Mode.IsRegular() {
		return i.Size
	}
	return -1
}
