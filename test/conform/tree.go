// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package conform holds pkg/remote/rootfs to what lstat(2) and SHA-256 say of a tree that has broken programs. It makes the tree,
// looks at it from this side, and compares that with what comes through a helper. It knows no cluster and starts no
// helper: whoever uses it has a Runner and a process that sees the tree.
package conform

import (
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// Needle stands in every file below /small/names, and in none elsewhere.
const Needle = "needle\t\xff"

// Names are names that have broken programs: one for each byte, too.
func Names() []string {
	names := []string{
		"-", "--", "-rf", "--help", " ", "  lead", "trail ", "a\nb", "\n", "\n\n", "a\n", "a\tb", "a\rb", "a'b", `a"b`, "a`b", "$(id)", "${HOME}",
		";", "|", "&", "<", ">", "*", "?", "[a]", `\`, `a\nb`, "~", "#", "!", ":", "%s%n", "...", ". ", "arrow -> x", "\x1b[31m", "\x1b]0;t\a",
		"\u202egnp", "e\u0301", "\u00e9", "😀", "\xff\xfe", "a\x80", "0", "-1", "1:2 81a4 1 0 0 1 0:0 1", "CON", "a:b", "A", "a",
		strings.Repeat("n", 255), strings.Repeat("\n", 255), "passwd", ".hidden",
	}
	for c := byte(1); c != 0; c++ {
		if c != '/' {
			names = append(names, "byte"+string([]byte{c}))
		}
	}
	return names
}

// A builder makes files until the first error.
type builder struct {
	root *os.Root
	err  error
}

func (b *builder) try(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *builder) file(name, content string, mode os.FileMode) {
	b.try(b.root.MkdirAll(path.Dir(name), 0o755))
	b.try(b.root.WriteFile(name, []byte(content), 0o600))
	b.try(b.root.Chmod(name, mode))
}

func (b *builder) link(target, name string) {
	b.try(b.root.MkdirAll(path.Dir(name), 0o755))
	b.try(b.root.Symlink(target, name))
}

// Build fills a directory: small (with content worth reading), large (a sparse file of 9 GiB), deep (paths longer than the
// kernel takes), denied (what is closed to others than its owner), plain (what io/fs takes as names). Everything else than
// root can make is in it; devices and other owners are where root makes it.
func Build(directory string) error {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return err
	}
	defer root.Close()
	b := &builder{root: root}
	b.names()
	b.links()
	b.kinds()
	b.denied()
	b.sizes()
	b.deep()
	b.times()
	return b.err
}

func (b *builder) names() {
	for i, name := range Names() {
		b.file("small/names/"+name, fmt.Sprintf("%d\n%s %d\n", i, Needle, i), 0o644)
		b.file("small/directories/"+name+"/"+name, strings.Repeat("x", i), 0o644)
	}
	for _, name := range []string{"a", "b/c", "b/d", "é"} {
		b.file("plain/"+name, "content of "+name, 0o644)
	}
	b.try(b.root.Mkdir("plain/empty", 0o755))
	b.link("b/c", "plain/link")
}

func (b *builder) links() {
	for name, target := range map[string]string{
		"relative": "../names/a", "absolute": "/etc/passwd", "escape": strings.Repeat("../", 40) + "etc/passwd", "loop": "loop", "ping": "pong",
		"pong": "ping", "dangling": "nowhere", "directory": "../directories", "up": "..", "root": "/", "newline": "a\nb\n", "bytes": "\xff\x01 \\ //x",
		"long": strings.Repeat("l", 4000), "dash": "-rf",
	} {
		b.link(target, "small/links/"+name)
	}
}

func (b *builder) kinds() {
	at := b.root.Name() + "/small/kinds"
	b.try(b.root.Mkdir("small/kinds", 0o755))
	b.try(syscall.Mknod(at+"/fifo", syscall.S_IFIFO|0o644, 0))
	b.try(syscall.Mknod(at+"/socket", syscall.S_IFSOCK|0o600, 0))
	for name, mode := range map[string]os.FileMode{"suid": 0o755 | os.ModeSetuid, "sgid": 0o711 | os.ModeSetgid, "plain": 0o644} {
		b.file("small/kinds/"+name, name, mode)
	}
	b.try(b.root.Mkdir("small/kinds/sticky", 0o700))
	b.try(b.root.Chmod("small/kinds/sticky", 0o777|os.ModeSticky))
	b.file("small/kinds/one", "two names", 0o644)
	b.try(b.root.Link("small/kinds/one", "small/kinds/other"))
	if os.Geteuid() != 0 {
		return
	}
	b.try(syscall.Mknod(at+"/char", syscall.S_IFCHR|0o600, 0x103))
	b.try(syscall.Mknod(at+"/block", syscall.S_IFBLK|0o600, 0x1234))
	for name, uid := range map[string]int{"large-uid": 2_097_152, "openshift": 1_000_660_000, "last-uid": 4_294_967_294} {
		b.file("small/owners/"+name, name, 0o644)
		b.try(b.root.Lchown("small/owners/"+name, uid, uid-1))
	}
}

// denied has what is closed to all but its owner. It is root's where root makes it: others have no owner to be but itself.
func (b *builder) denied() {
	for name, mode := range map[string]os.FileMode{"noread": 0o711, "noenter": 0o744, "closed": 0o700, "open": 0o755} {
		b.file("denied/"+name+"/inside/file", name, 0o644)
		b.try(b.root.Chmod("denied/"+name, mode))
	}
	b.file("denied/secret", "secret", 0o600)
}

func (b *builder) sizes() {
	b.file("small/empty", "", 0o644)
	b.try(b.root.Mkdir("small/empty directory", 0o755))
	b.file("small/big", strings.Repeat("0123456789abcde\n", 20_000), 0o644)
	b.file("small/holes", "", 0o644)
	b.file("large/sparse", "", 0o644)
	for name, size := range map[string]int64{"small/holes": 20 << 20, "large/sparse": 9 << 30} {
		f, err := b.root.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			b.try(err)
			continue
		}
		b.try(f.Truncate(size))
		_, err = f.WriteAt([]byte("island"), size/2)
		b.try(err)
		b.try(f.Close())
	}
}

// tooLong is a length that paths of deep reach, and that no other does.
const tooLong = 3600

func (b *builder) deep() {
	b.try(b.root.Mkdir("deep", 0o755))
	directory, err := b.root.OpenRoot("deep")
	for range 17 {
		if err != nil {
			break
		}
		name := strings.Repeat("d", 250)
		b.try(directory.Mkdir(name, 0o755))
		next, opened := directory.OpenRoot(name)
		directory.Close()
		directory, err = next, opened
	}
	if err != nil {
		b.try(err)
		return
	}
	b.try(directory.WriteFile("last", nil, 0o644))
	directory.Close()
}

func (b *builder) times() {
	for name, when := range map[string]time.Time{
		"nanoseconds": time.Unix(1_700_000_000, 123_456_789), "before": time.Unix(-3, 500_000_000), "later": time.Unix(5_000_000_000, 1),
	} {
		b.file("small/times/"+name, name, 0o644)
		b.try(b.root.Chtimes("small/times/"+name, when, when))
	}
}
