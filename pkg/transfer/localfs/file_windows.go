// SPDX-License-Identifier: Apache-2.0

package localfs

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/transfer"
)

const nonblock = 0

func describe(f *transfer.File, info fs.FileInfo) {
	f.State = strconv.FormatInt(info.Size(), 36) + ":" + strconv.FormatInt(info.ModTime().UnixNano(), 36)
}

func private(info fs.FileInfo) bool { return info.IsDir() }

func extent(_ *os.File, at, end int64) (from, to int64) { return at, end }

func stamp(*os.File, time.Time) error { return errors.ErrUnsupported }
