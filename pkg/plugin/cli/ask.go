// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
)

// AskYes asks a question on the terminal, and says what a no means.
func AskYes(ctx context.Context, deps *Deps, question, no string) (bool, error) {
	fmt.Fprint(deps.Streams.ErrOut, question)
	answer := make(chan string, 1)
	crash.Go(ctx, func() {
		line, _ := bufio.NewReader(deps.Streams.In).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	})
	select {
	case <-ctx.Done():
		fmt.Fprintln(deps.Streams.ErrOut)
		return false, context.Cause(ctx)
	case word := <-answer:
		if word == "y" || word == "yes" {
			return true, nil
		}
		deps.Report.Say("%s", no)
		return false, nil
	}
}
