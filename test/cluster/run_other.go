// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

func run(context.Context, []string, io.Writer, io.Writer) error {
	return fmt.Errorf("start cluster: it needs Linux, and this is %s: name another cluster instead (kind, minikube)", runtime.GOOS)
}
