// SPDX-License-Identifier: Apache-2.0

package target

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Word is what one word of a command line names: [NAMESPACE/][TYPE/]NAME[:PATH].
type Word struct {
	// Namespace is "" for that of the command line.
	Namespace string
	// Arg is TYPE/NAME or NAME, as Ref.Arg takes it.
	Arg string
	// Path is what follows the first colon; HasPath reports whether there is one.
	Path    string
	HasPath bool
}

// ParseWord takes a word apart. No name has a colon, so the path begins at the first one. What stands before the first slash
// is a type where it is one that kubectl exec takes or a node, by any of its names, and else a namespace; a namespace that is
// called like a type is named by -n. What is neither stays in Arg, which Ref.Validate then refuses.
func ParseWord(text string) Word {
	var w Word
	w.Arg, w.Path, w.HasPath = strings.Cut(text, ":")
	first, rest, found := strings.Cut(w.Arg, "/")
	if found && rest != "" && !IsType(first) && len(validation.IsDNS1123Label(first)) == 0 {
		w.Namespace, w.Arg = first, rest
	}
	return w
}

// IsType reports whether a word is a type in front of a name.
func IsType(word string) bool {
	_, ok := kindNamed(word)
	return ok || IsNode(word)
}

// IsNode reports whether a word is the type of nodes, which have no container to join.
func IsNode(word string) bool {
	return slices.Contains([]string{"node", "nodes", "no"}, strings.ToLower(word))
}
