// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Env is the variable of the environment that names another file than the usual one.
const Env = "SHAREPROC_CONFIG"

// maxSize keeps a name such as /dev/zero from filling the memory.
const maxSize = 1 << 20

// File is a configuration as it lies on the disk.
type File struct {
	// Path is where it is, or would be; "" where the environment names no home.
	Path   string
	Exists bool
	Data   []byte
}

// Read reads the user's file. A missing file is an error only if SHAREPROC_CONFIG names it, since the user then expects its
// settings to be used. Path is set beside every error.
func Read(getenv func(string) string) (File, error) {
	path, named := locate(runtime.GOOS, getenv)
	if path == "" {
		return File{}, nil
	}
	file := File{Path: path}
	what := "configuration"
	if named {
		what = Env
	}
	r, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return file, nil
	}
	if err != nil {
		return file, fmt.Errorf("read %s: %w", what, err)
	}
	defer r.Close() //nolint:errcheck // nothing was written
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return file, fmt.Errorf("read %s: %w", what, err)
	}
	if len(data) > maxSize {
		return file, fmt.Errorf("read %s: %s is larger than %d bytes", what, path, maxSize)
	}
	file.Exists, file.Data = true, data
	return file, nil
}

// locate gives the file's place. macOS has it where Linux has: that is where users of kubectl look,
// and a directory of dot files can be shared between both.
func locate(goos string, getenv func(string) string) (path string, named bool) {
	if path := getenv(Env); path != "" {
		return path, true
	}
	directory := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(directory) { // to be ignored, says the XDG Base Directory Specification
		directory = ""
	}
	if directory == "" && goos == "windows" {
		directory = getenv("AppData") // as os.UserConfigDir
	}
	if home := getenv("HOME"); directory == "" && goos != "windows" && home != "" {
		directory = filepath.Join(home, ".config")
	}
	if directory == "" {
		return "", false
	}
	return filepath.Join(directory, "kubectl-shareproc", "config.yaml"), false
}
