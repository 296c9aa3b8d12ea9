// SPDX-License-Identifier: Apache-2.0

package trees

// Forms are pairs of SOURCE and DESTINATION for which a copy is compared with cp(1), and the tree that they are in.
func Forms() (tree map[string]string, forms [][2]string) {
	return formsIn(), pairs()
}

func formsIn() map[string]string {
	return map[string]string{
		"file": "new", "src/a": "A", "src/sub/b": "B", "src/l": "-> a", "linked": "-> src", "linkfile": "-> file", "broken": "-> nowhere",
		"dst/keep": "K", "other": "old", "merge/src/a": "old", "merge/src/c": "C", "merge/src/sub/d": "D",
		"tofile": "-> other", "todir": "-> dst", "dangling": "-> nothing", "blocked/src": "a file", "blocked2/file/x": "X",
		"viadir/src": "-> ../dst", "viafile/file": "-> ../other", "clash/src/sub": "a file", "clash2/src/a/x": "X", "cwd/": "",
	}
}

func pairs() [][2]string {
	return [][2]string{
		{"file", "new"},
		{"file", "new/"},
		{"file", "dst"},
		{"file", "dst/"},
		{"file", "other"},
		{"file", "other/"},
		{"file", "missing/new"},
		{"file", "tofile"},
		{"file", "todir"},
		{"file", "todir/"},
		{"file", "dangling"},
		{"file", "dst/."},
		{"file/", "new"},
		{"file", "viafile"},
		{"file", "blocked2"},
		{"nothing", "new"},
		{"src", "new"},
		{"src", "new/"},
		{"src", "dst"},
		{"src", "dst/"},
		{"src/", "new"},
		{"src/", "dst"},
		{"src/.", "new"},
		{"src/.", "dst"},
		{"src/.", "merge/src"},
		{"src/sub/..", "new"},
		{"src/sub/..", "dst"},
		{"src", "merge"},
		{"src", "other"},
		{"src", "tofile"},
		{"src", "todir"},
		{"src", "dangling"},
		{"src", "blocked"},
		{"src", "viadir"},
		{"src", "missing/new"},
		{"src", "new/."},
		{"src", "clash2"},
		{"src/l", "new"},
		{"linked", "new"},
		{"linked/", "new"},
		{"linked/.", "new"},
		{"linked", "dst"},
		{"linked/", "dst"},
		{"linkfile", "new"},
		{"linkfile", "other"},
		{"linkfile", "tofile"},
		{"linkfile/", "new"},
		{"broken", "new"},
		{"broken", "dst"},
		{"linkfile", "dangling"},
		{"linkfile", "new/"},
		{"src/a/.", "new"},
		{"src", "clash"},
	}
}
