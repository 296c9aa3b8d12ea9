// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
)

// pidsScript answers where no process can be started.
//
//go:embed pids.sh
var pidsScript string

// cannotFork is the exit code of busybox's shell, and of dash, where it could start no process. No program of pkg/remote ends
// with it.
const cannotFork = 2

const pidsTime = 10 * time.Second

// explainFork says with numbers that a helper can start no process.
func (l lifetime) explainFork(ctx context.Context, err error) error {
	if exit, ok := errors.AsType[*attach.ExitError](err); !ok || exit.Code != cannotFork {
		return err
	}
	text, silent := cluster.Ask(ctx, l.exec, pidsTime, []string{"sh", "-c", pidsScript})
	words := strings.Fields(text)
	if silent != nil || len(words) != 2 {
		return err
	}
	why := "the limit of its pod or of its node is reached"
	most, limited := strconv.Atoi(words[1])
	if current, counted := strconv.Atoi(words[0]); limited == nil && counted == nil {
		if current < most {
			return err
		}
		why = fmt.Sprintf("%d run in it, and at most %d may (pids.max)", current, most)
	}
	return final{hint.With(fmt.Errorf("container %s of pod/%s can start no process: %s", l.Container, l.Pod, why),
		fmt.Sprintf("kubectl shareproc debug -n %s %s --copy, which has a limit of its own; podPidsLimit is a setting of the node's kubelet", l.Namespace, l.Pod))}
}
