// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestLocate(t *testing.T) {
	directory := t.TempDir() // absolute, whatever the system
	below := func(more ...string) string {
		return filepath.Join(append(append([]string{directory}, more...), "kubectl-shareproc", "config.yaml")...)
	}
	for _, c := range []struct {
		goos  string
		env   []string
		want  string
		named bool
	}{
		{"linux", nil, "", false},
		{"windows", []string{"HOME", directory}, "", false},
		{"linux", []string{"HOME", directory, "AppData", "/other"}, below(".config"), false},
		{"darwin", []string{"HOME", directory}, below(".config"), false},
		{"windows", []string{"AppData", directory, "HOME", "/other"}, below(), false},
		{"linux", []string{"HOME", "/other", "XDG_CONFIG_HOME", directory}, below(), false},
		{"linux", []string{"HOME", directory, "XDG_CONFIG_HOME", "relative"}, below(".config"), false},
		{"darwin", []string{"XDG_CONFIG_HOME", directory}, below(), false},
		{"linux", []string{"HOME", "/other", "XDG_CONFIG_HOME", "/other", Env, "mine.yaml"}, "mine.yaml", true},
	} {
		if path, named := locate(c.goos, environment(c.env...)); path != c.want || named != c.named {
			t.Errorf("%s %q: %q, %v, want %q", c.goos, c.env, path, named, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	directory := t.TempDir()
	here := environment("XDG_CONFIG_HOME", directory)
	path := filepath.Join(directory, "kubectl-shareproc", "config.yaml")
	if f, err := Read(here); err != nil || f.Exists || f.Path != path {
		t.Errorf("without a file: %+v, %v", f, err)
	}
	if f, err := Read(environment()); err != nil || f.Exists || f.Path != "" {
		t.Errorf("without a home: %+v, %v", f, err)
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, getenv := range []func(string) string{here, environment(Env, path)} {
		if f, err := Read(getenv); err != nil || !f.Exists || string(f.Data) != head || f.Path != path {
			t.Errorf("with a file: %+v, %v", f, err)
		}
	}
}

func TestReadErrorsNameTheFile(t *testing.T) {
	directory := t.TempDir()
	gone := filepath.Join(directory, "gone.yaml")
	if _, err := Read(environment(Env, gone)); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "read SHAREPROC_CONFIG: open "+gone) {
		t.Errorf("a file that is named and is not there: %v", err)
	}
	if _, err := Read(environment(Env, directory)); err == nil || !strings.Contains(err.Error(), directory) {
		t.Errorf("a directory: %v", err)
	}
	large := filepath.Join(directory, "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(environment(Env, large)); err == nil || !strings.Contains(err.Error(), large+" is larger than") {
		t.Errorf("a large file: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(directory, "kubectl-shareproc", "config.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(environment("XDG_CONFIG_HOME", directory)); err == nil || !strings.Contains(err.Error(), "read configuration: ") {
		t.Errorf("a directory where the file would be: %v", err)
	}
}
