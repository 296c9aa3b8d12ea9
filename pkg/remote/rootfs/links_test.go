// SPDX-License-Identifier: Apache-2.0

//go:build linux

package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/test/helper"
)

func TestLinksStayInside(t *testing.T) {
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			root := helper.OpenDirectory(t)
			helper.Write(t, filepath.Join(root, "etc/passwd"), "inside")
			helper.Write(t, filepath.Join(root, "run/x"), "run")
			helper.Symlink(t, "/run", filepath.Join(root, "var/run"))
			for name, target := range map[string]string{
				"abs":       "/etc/passwd",
				"up":        "../../../../../../../../etc/passwd",
				"deep/up":   "../../../etc/passwd",
				"dots":      "/../..//./etc/./../etc//passwd",
				"newline":   "etc/a\nb",
				"newlines":  "/etc/a\n\n",
				"spaces":    "etc/  a  ",
				"glob":      "etc/*",
				"substit":   "etc/$(echo passwd)",
				"quote":     `etc/'"\`,
				"dash":      "-n",
				"bytes":     "etc/\x01\x81\x82\x88\xff\x7f",
				"loop":      "loop",
				"ping":      "/pong",
				"pong":      "ping",
				"dangling":  "/nowhere",
				"filedir":   "/etc/passwd/",
				"dirslash":  "/etc/",
				"roots":     "/",
				"rootdot":   "/.",
				"rootdots":  "..",
				"proc/self": "4242",
			} {
				helper.Symlink(t, target, filepath.Join(root, name))
			}
			for _, name := range []string{"etc/a\nb", "etc/a\n\n", "etc/  a  ", "etc/*", "etc/$(echo passwd)", `etc/'"\`, "-n", "etc/\x01\x81\x82\x88\xff\x7f", "proc/8/x"} {
				helper.Write(t, filepath.Join(root, name), "special")
			}
			root8 := fakeRoot(t, r, root)
			for _, test := range []struct {
				path, physical string
				err            error
			}{
				{"/abs", "/etc/passwd", nil},
				{"abs", "/etc/passwd", nil},
				{"//abs", "/etc/passwd", nil},
				{"up", "/etc/passwd", nil},
				{"deep/up", "/etc/passwd", nil},
				{"dots", "/etc/passwd", nil},
				{"var/run/x", "/run/x", nil},
				{"var/run/../etc/passwd", "/etc/passwd", nil},
				{"var/run/", "/run", nil},
				{"", "/", nil},
				{"/", "/", nil},
				{"..", "/", nil},
				{"../../..", "/", nil},
				{"roots/etc", "/etc", nil},
				{"rootdot/etc/.", "/etc", nil},
				{"rootdots/etc/..", "/", nil},
				{"newline", "/etc/a\nb", nil},
				{"newlines", "/etc/a\n\n", nil},
				{"spaces", "/etc/  a  ", nil},
				{"glob", "/etc/*", nil},
				{"substit", "/etc/$(echo passwd)", nil},
				{"quote", `/etc/'"\`, nil},
				{"dash", "/-n", nil},
				{"-n", "/-n", nil},
				{"bytes", "/etc/\x01\x81\x82\x88\xff\x7f", nil},
				{"proc/self/x", "/proc/8/x", nil},
				{"loop", "", remote.ErrLoop},
				{"ping", "", remote.ErrLoop},
				{"dangling", "", fs.ErrNotExist},
				{"nothing", "", fs.ErrNotExist},
				{"nothing/below", "", fs.ErrNotExist},
				{"nothing/..", "", fs.ErrNotExist},
				{"abs/", "", remote.ErrNotDirectory},
				{"abs/.", "", remote.ErrNotDirectory},
				{"abs/..", "", remote.ErrNotDirectory},
				{"etc/passwd/", "", remote.ErrNotDirectory},
				{"etc/passwd/x", "", remote.ErrNotDirectory},
				{"filedir", "", remote.ErrNotDirectory},
				{"dirslash", "/etc", nil},
				{strings.Repeat("n", 255), "", fs.ErrNotExist},
				{strings.Repeat("n", 256), "", remote.ErrNameTooLong},
				{strings.Repeat("./", 3000), "", remote.ErrNameTooLong},
				{strings.Repeat("./", 2047), "/", nil},
				{"a\x00b", "", fs.ErrInvalid},
			} {
				found, err := root8.Stat(t.Context(), test.path, true)
				if !errors.Is(err, test.err) || err == nil && found.Path != test.physical {
					t.Errorf("%.60q: found %q, error %v; want %q, %v", test.path, found.Path, err, test.physical, test.err)
				}
			}
		})
	}
}

// Whatever a tree of links looks like, a path leads where it leads a process in that root.
func TestLinksResolveAsInChroot(t *testing.T) {
	helper.NeedRoot(t)
	for name, r := range helper.Runners(t) {
		t.Run(name, func(t *testing.T) {
			seed := uint64(1)
			if !testing.Short() {
				seed = rand.Uint64()
			}
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 1))
			root := helper.OpenDirectory(t)
			growTree(t, random, root)
			for i := range 42 { // the kernel follows 40
				helper.Symlink(t, fmt.Sprintf("chain%d", i+1), filepath.Join(root, fmt.Sprintf("chain%d", i)))
			}
			helper.Write(t, filepath.Join(root, "chain42"), "")
			oracle := helper.StartChild(t, helper.Stats, nil, []string{"CHILD_ROOT=" + root})
			root8 := fakeRoot(t, r, root)
			paths := []string{"/chain1", "/chain2", "/chain3"}
			for range 80 {
				paths = append(paths, "/"+randomPath(random, 5))
			}
			kinds := map[error]int{}
			for _, path := range paths {
				errno, ino := oracle.Stat(t, path)
				want := map[syscall.Errno]error{
					0: nil, syscall.ENOENT: fs.ErrNotExist, syscall.ELOOP: remote.ErrLoop, syscall.ENOTDIR: remote.ErrNotDirectory,
				}[errno]
				kinds[want]++
				found, err := root8.Stat(t.Context(), path, true)
				if !errors.Is(err, want) || err == nil && found.Ino != ino {
					t.Errorf("%q: found %v, error %v; the kernel says %d, %v", path, found.Path, err, ino, errno)
				}
			}
			if kinds[nil] < 10 || len(kinds) < 3 {
				t.Errorf("the tree tells little: %v", kinds)
			}
		})
	}
}

// growTree fills a directory. It works through an os.Root: the links made on the way must not lead it out.
func growTree(t *testing.T, random *rand.Rand, directory string) {
	t.Helper()
	root, err := os.OpenRoot(directory)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for range 60 {
		name := "."
		for range random.IntN(3) {
			name = filepath.Join(name, randomName(random))
		}
		// Where a file or a link stands in the way there is one thing less in the tree.
		_ = root.MkdirAll(name, 0o755)
		name = filepath.Join(name, randomName(random))
		switch random.IntN(4) {
		case 0:
			_ = root.WriteFile(name, nil, 0o644)
		case 1:
			_ = root.Mkdir(name, 0o755)
		case 2:
			_ = root.Symlink(randomPath(random, 4), name)
		default:
			_ = root.Symlink("/"+randomPath(random, 4), name)
		}
	}
}

func randomName(random *rand.Rand) string {
	return []string{"a", "b", "c", "d\n", " e"}[random.IntN(5)]
}

func randomPath(random *rand.Rand, most int) string {
	var path strings.Builder
	for i := range 1 + random.IntN(most) {
		if i > 0 {
			path.WriteString("/")
		}
		switch random.IntN(9) {
		case 0:
			path.WriteString("..")
		case 1:
			path.WriteString(".")
		default:
			path.WriteString(randomName(random))
		}
	}
	if random.IntN(6) == 0 {
		path.WriteString("/")
	}
	return path.String()
}
