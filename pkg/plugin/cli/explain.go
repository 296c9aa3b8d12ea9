// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"io/fs"
	"net"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/rootfs"
)

// Explain gives the advice for an error that has none of its own. It goes by the error's type, never
// by its text.
func Explain(err error) string {
	if try := hint.Of(err); try != "" {
		return try
	}
	if refused, ok := errors.AsType[*attach.ConnectError](err); ok && refused.Advice() != "" {
		return refused.Advice()
	}
	if _, denied := errors.AsType[*rootfs.AccessError](err); denied {
		return "use --run-as with that user, or --profile general if policy admits root with SYS_PTRACE; " +
			"a process that changed its user needs the latter"
	}
	if _, missing := errors.AsType[*remote.MissingToolError](err); missing {
		return "use --image with a static busybox"
	}
	switch {
	case errors.Is(err, attach.ErrLost):
		return "run it again once the network is back"
	case errors.Is(err, remote.ErrStalled):
		return "run it again; a helper shares the CPU limit of its pod, and gets little of one that is used up: a copy (--copy) has its own"
	case errors.Is(err, remote.ErrNoProcess):
		return "kubectl shareproc ps POD"
	case errors.Is(err, fs.ErrNotExist):
		return "check that the file exists on this machine"
	case clientcmd.IsEmptyConfig(err):
		return "set KUBECONFIG, or use --kubeconfig or --context"
	case apierrors.IsUnauthorized(err):
		return "run kubectl auth whoami, and log in again"
	case apierrors.IsForbidden(err):
		return "kubectl auth can-i --list"
	}
	_, request := errors.AsType[*url.Error](err)
	if _, network := errors.AsType[*net.OpError](err); request || network {
		return "run kubectl cluster-info, and check --context and your network"
	}
	return ""
}
