// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"flag"
	"fmt"
	"io"
	"strconv"

	"k8s.io/klog/v2"
)

// verbosity is -v: from 6 on client-go says of each request what it was and how it went, from 8 on what was in it
// (https://kubernetes.io/docs/reference/kubectl/quick-reference/#kubectl-output-verbosity-and-debugging).
type verbosity struct {
	level  int
	stderr io.Writer
}

func (v *verbosity) String() string { return strconv.Itoa(v.level) }

// Type names the flag's value in help.
func (v *verbosity) Type() string { return "int" }

// Set has klog, which is one for the whole program and is client-go's own, write to stderr.
func (v *verbosity) Set(text string) error {
	level, err := strconv.ParseInt(text, 10, 32)
	if err != nil || level < 0 {
		return fmt.Errorf("not a whole number from 0 on")
	}
	v.level = int(level)
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	for _, set := range [][2]string{{"v", text}, {"logtostderr", "false"}, {"alsologtostderr", "false"}, {"stderrthreshold", "FATAL"}} {
		if err := flags.Set(set[0], set[1]); err != nil {
			return err
		}
	}
	klog.SetOutput(v.stderr)
	return nil
}
