// SPDX-License-Identifier: Apache-2.0

// Package layout says where everything of a local cluster lies: the cache directory that all clusters share, and the
// state directory of one cluster. It makes names and paths and takes locks; it starts and removes nothing.
package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	// CacheVariable names the environment variable that moves the cache directory.
	CacheVariable = "SHAREPROC_CLUSTER_CACHE"
	// NameVariable names the environment variable that names the cluster.
	NameVariable = "SHAREPROC_CLUSTER_NAME"
)

// Socket is containerd's address as seen from inside the cluster.
const Socket = "/run/containerd/containerd.sock"

// Cache returns the directory that every cluster of this user shares.
func Cache(getenv func(string) string) (string, error) {
	if dir := getenv(CacheVariable); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory (set %s): %w", CacheVariable, err)
	}
	return filepath.Join(dir, "kubectl-shareproc-cluster"), nil
}

// Name returns the cluster's name: the one asked for, else one made from the path of the checkout that contains dir, so
// that two checkouts on one machine have a cluster each.
func Name(asked, dir string) (string, error) {
	if asked == "" {
		root, err := checkout(dir)
		if err != nil {
			return "", err
		}
		return short(root), nil
	}
	if ok, err := regexp.MatchString(`^[a-z0-9][a-z0-9-]{0,31}$`, asked); err != nil || !ok {
		return "", fmt.Errorf("read %s: %q is not made of at most 32 lower case letters, digits and dashes", NameVariable, asked)
	}
	return asked, nil
}

// checkout returns the nearest directory above dir that has a go.work file, dir itself where there is none.
func checkout(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err == nil {
		start, err = filepath.EvalSymlinks(start)
	}
	if err != nil {
		return "", fmt.Errorf("resolve working directory: %w", err)
	}
	for at := start; ; at = filepath.Dir(at) {
		_, err := os.Stat(filepath.Join(at, "go.work"))
		if err == nil {
			return at, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("look for go.work: %w", err)
		}
		if at == filepath.Dir(at) {
			return start, nil
		}
	}
}

// A State is the set of paths of one cluster. Its directory exists exactly while the cluster does.
type State struct {
	Name string // unique per user
	Dir  string // absolute
}

// NewState returns the paths of the named cluster; it creates nothing.
func NewState(cache, name string) State {
	return State{Name: name, Dir: filepath.Join(cache, "clusters", name)}
}

// Path joins elements to the state directory.
func (s State) Path(elem ...string) string { return filepath.Join(append([]string{s.Dir}, elem...)...) }

// Kubeconfig is the administrator's kubeconfig file.
func (s State) Kubeconfig() string { return s.Path("kubeconfig") }

// Logs is the directory with one log file per component.
func (s State) Logs() string { return s.Path("logs") }

// PKI is the directory of keys and certificates.
func (s State) PKI(file string) string { return s.Path("pki", file) }

// Config is the directory of the components' configuration files.
func (s State) Config(file string) string { return s.Path("config", file) }

// StaticPods is the directory the kubelet reads static pods from.
func (s State) StaticPods() string { return s.Path("static-pods") }

// Var is the directory that stands for /var inside the cluster.
func (s State) Var() string { return s.Path("var") }

// Supervisor is the file that the supervisor holds locked while it lives.
func (s State) Supervisor() string { return s.Path("supervisor.lock") }

// A Start is what a cluster is started with: the directory of its binaries, and of the virtual machine that its node runs
// in, "" for none.
type Start struct{ Bin, Machine string }

// SetStart writes down what the cluster is started with.
func (s State) SetStart(with Start) error {
	return os.WriteFile(s.Path("start"), []byte(with.Bin+"\n"+with.Machine+"\n"), 0o644)
}

// Start returns what the cluster was started with.
func (s State) Start() (Start, error) {
	text, err := os.ReadFile(s.Path("start"))
	bin, machine, _ := strings.Cut(string(text), "\n")
	return Start{Bin: bin, Machine: strings.TrimSuffix(machine, "\n")}, err
}

// Command is the file that up and down hold locked, outside the state directory because they remove that.
func (s State) Command() string { return s.Dir + ".lock" }

// Cgroup is the name of the cluster's cgroup below the root of every hierarchy. The directory is part of it: clusters of one
// name in two caches are two.
func (s State) Cgroup() string { return "shareproc-" + s.Name + "-" + short(s.Dir) }

// short makes a name of eight characters out of a path.
func short(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:4])
}

// HostSocket is containerd's address as seen from outside: through the root of the supervisor, so its length does not
// depend on where the cache lies (a socket's path is limited to 107 bytes, unix(7)).
func HostSocket(supervisor int) string { return fmt.Sprintf("/proc/%d/root%s", supervisor, Socket) }
