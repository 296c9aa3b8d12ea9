// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// WayBack adds to the loss of a connection what is left, and how to go on.
func (r *Session) WayBack(err error) error {
	if !errors.Is(err, attach.ErrLost) {
		return err
	}
	switch s := r.Session; {
	case s.Copy, s.Patched != nil:
		return hint.With(err, "kubectl shareproc sessions -n "+s.Namespace+", once the network is back, for what is left")
	default:
		return hint.With(err, fmt.Sprintf("kubectl shareproc debug -n %s %s, once the network is back: helper %s waits there, without what ran in it; --persist keeps a shell",
			s.Namespace, r.Target.Pod.Name, s.Container))
	}
}
