// SPDX-License-Identifier: Apache-2.0

//go:build linux

package image

import (
	"bytes"
	"io/fs"
	"strings"
)

// nginx is the server, its libraries and its files as the official image has them, and nothing to run beside it. One
// form starts as root with workers of another user, the other has a user of its own and listens on 8080.
func nginx(from Source, root bool) (Tree, Config, error) {
	tree := Tree{}
	if err := from.Program(tree, "/usr/sbin/nginx"); err != nil {
		return nil, Config{}, err
	}
	for name, target := range map[string]string{
		"nginx.conf": "etc/nginx/nginx.conf", "mime.types": "etc/nginx/mime.types", "default.conf": "etc/nginx/conf.d/default.conf",
		"temporary.conf": "etc/nginx/conf.d/temporary.conf", "index.html": "usr/share/nginx/html/index.html",
	} {
		body, err := inputs.ReadFile("files/nginx/" + name)
		if err != nil {
			return nil, Config{}, err
		}
		if !root {
			body = unprivileged(body)
		}
		tree.File(target, 0o644, body)
	}
	users(tree, "nginx")
	// An absolute link: read through /proc/PID/root by a careless reader it leads out of the container.
	tree.Symlink("etc/abs-link.conf", "/etc/nginx/nginx.conf")
	tree.Symlink("var/run", "/run")
	tree.Symlink("var/log/nginx/access.log", "/dev/stdout")
	tree.Symlink("var/log/nginx/error.log", "/dev/stderr")
	tree.Dir("run", 0o755, 0)
	tree.Dir("tmp", 0o777|fs.ModeSticky, 0)
	// The second is where Debian's build looks before it has read its configuration.
	tree.Dir("var/cache/nginx", 0o755, 101)
	tree.Dir("var/lib/nginx", 0o755, 101)

	config := Config{
		Env: []string{searchPath}, Cmd: []string{"nginx", "-g", "daemon off;"}, StopSignal: "SIGQUIT",
		ExposedPorts: map[string]struct{}{"80/tcp": {}},
	}
	if !root {
		config.User = "65534"
		config.ExposedPorts = map[string]struct{}{"8080/tcp": {}}
	}
	return tree, config, Distroless(tree, "usr/sbin/nginx")
}

// unprivileged changes what an ordinary user can't have: another user for the workers, a low port, directories of root's.
func unprivileged(body []byte) []byte {
	body = bytes.TrimPrefix(body, []byte("\nuser  nginx;\n"))
	return []byte(strings.NewReplacer(
		"/var/run/nginx.pid", "/tmp/nginx.pid",
		"/var/cache/nginx/", "/tmp/",
		"listen       80;", "listen       8080;",
	).Replace(string(body)))
}
