// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

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

// ExplainProgram is Explain for a program of ours, which exec ran. An error that another connection would not change is Refused.
func (l Lifetime) ExplainProgram(ctx context.Context, exec cluster.Exec, err error) error {
	err = explainKill(l, l.Explain(ctx, l.explainFork(ctx, exec, err)))
	var status apierrors.APIStatus
	if Ended(err) || errors.As(err, &status) && status.Status().Code < 500 || errors.Is(err, context.DeadlineExceeded) {
		return final{err}
	}
	return err
}

// explainFork says with numbers that a helper can start no process.
func (l Lifetime) explainFork(ctx context.Context, exec cluster.Exec, err error) error {
	if exit, ok := errors.AsType[*attach.ExitError](err); !ok || exit.Code != cannotFork {
		return err
	}
	text, silent := cluster.Ask(ctx, exec, pidsTime, []string{"sh", "-c", pidsScript})
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
	return final{hint.With(fmt.Errorf("container %s of pod/%s can start no process: %s", l.Name, l.Pod, why),
		fmt.Sprintf("kubectl shareproc debug -n %s %s --copy, which has a limit of its own; podPidsLimit is a setting of the node's kubelet", l.Namespace, l.Pod))}
}

// explainKill says that a program of ours was killed where its helper may go on. Another connection would not change what for.
func explainKill(l Lifetime, err error) error {
	if exit, ok := errors.AsType[*attach.ExitError](err); !ok || exit.Code != killed || l.Target.Pod == nil {
		return err
	}
	return final{hint.With(fmt.Errorf("a program in container %s of pod/%s was killed, most likely for lack of memory%s", l.Name, l.Pod, podMemory(&l.Target.Pod.Spec)),
		fmt.Sprintf("kubectl shareproc top -n %s %s, for what is in use", l.Namespace, l.Pod))}
}

// final is an error that another connection would not change.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Refused is what pkg/remote checks.
func (final) Refused() bool { return true }
