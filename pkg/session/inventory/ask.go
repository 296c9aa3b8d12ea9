// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/crash"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/cluster"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session/rbac"
)

// helperScript queries a helper, and stops it.
//
//go:embed helper.sh
var helperScript string

// Arguments of helperScript.
const (
	wantLook  = "look"
	wantEnd   = "end"
	wantForce = "force"
)

// Exit codes of helperScript.
const (
	exitInUse     = 3
	exitNoProcess = 4
	exitNoKill    = 5
)

const (
	// askTime bounds one query, endTime the request to exit, which a slow node takes longer for, and askAtOnce is the
	// number of queries at the same time.
	askTime   = 5 * time.Second
	endTime   = 15 * time.Second
	askAtOnce = 8
)

// helperCommand does not use launch.New, whose mark would keep the helper from becoming idle. The script recognizes
// itself by the word shareproc-look.
func helperCommand(want, state, proc string) []string {
	return []string{"sh", "-c", helperScript, "shareproc-look", want, state, proc}
}

func (o Manager) ask(ctx context.Context, e Entry, want string) (answer, error) {
	exec, err := o.Exec(e.container(), false)
	if err != nil {
		return answer{}, err
	}
	limit := askTime
	if want != wantLook {
		limit = endTime
	}
	text, err := cluster.Ask(ctx, exec, limit, helperCommand(want, podspec.Notes, "/proc"))
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(text)
}

// answer is the parsed output of helperScript.
type answer struct {
	idle time.Duration
	used bool
}

// parseAnswer requires a whole line: the stream may have been cut.
func parseAnswer(text string) (answer, error) {
	var seconds uint32
	var used uint8
	if n, err := fmt.Sscanf(text, "idle %d used %d\n", &seconds, &used); n != 2 || err != nil || text[len(text)-1] != '\n' {
		return answer{}, cluster.ErrAnswer
	}
	return answer{idle: time.Duration(seconds) * time.Second, used: used == 1}, nil
}

// LookAt asks every running helper in the list how long it has been idle and whether it runs a command, and sets when
// it exits. Entries that do not answer stay unchanged.
func (o Manager) LookAt(ctx context.Context, list []Entry) {
	atOnce(ctx, list, func(e *Entry) {
		if e.Kind != KindHelper || e.State != StateRunning {
			return
		}
		a, err := o.ask(ctx, *e, wantLook)
		if err != nil {
			return
		}
		if a.used {
			e.State, a.idle = StateInUse, 0
		}
		e.Ends = time.Now().Add(max(e.keep-a.idle, 0))
	})
}

// atOnce calls do for every element of a list, several at the same time.
func atOnce[T any](ctx context.Context, list []T, do func(*T)) {
	all := crash.NewGroup(ctx)
	free := make(chan struct{}, askAtOnce)
	for i := range list {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			do(&list[i])
		})
	}
	all.Wait()
}

// Mine splits a list into what the user made and the rest. If the cluster does not report the username, nothing is
// theirs.
func (o Manager) Mine(ctx context.Context, list []Entry) (mine, others []Entry, err error) {
	who := rbac.Who(ctx, o.Client)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	for _, e := range list {
		if who != "" && e.By == who {
			mine = append(mine, e)
		} else {
			others = append(others, e)
		}
	}
	return mine, others, nil
}

// Started removes the helpers that the kubelet cannot start and counts them: there is nothing to stop.
func Started(list []Entry) (started []Entry, never int) {
	started = slices.DeleteFunc(slices.Clone(list), func(e Entry) bool { return e.stuck })
	return started, len(list) - len(started)
}

// WithoutNested removes helpers in copies that are themselves in the list.
func WithoutNested(list []Entry) []Entry {
	return slices.DeleteFunc(slices.Clone(list), func(e Entry) bool {
		return e.Kind == KindHelper && slices.ContainsFunc(list, func(c Entry) bool {
			return c.Kind == KindCopy && c.Namespace == e.Namespace && c.Pod == e.Pod
		})
	})
}
