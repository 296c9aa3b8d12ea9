// SPDX-License-Identifier: Apache-2.0

package attach_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/attach"
)

func TestRefusals(t *testing.T) {
	forbidden := answerForbidden("exec")
	missing := answerStatus(404, metav1.StatusReasonNotFound, `pods "web" not found`)
	for _, test := range []struct {
		name  string
		first func(*server)
		is    func(error) bool
		text  string
	}{
		{"forbidden", func(s *server) { s.refuseWebSocket, s.refuseSPDY = forbidden, forbidden }, apierrors.IsForbidden, `cannot create resource "pods/exec"`},
		{"no such pod", func(s *server) { s.refuseWebSocket, s.refuseSPDY = missing, missing }, apierrors.IsNotFound, `pods "web" not found`},
		{"kubelet's text", func(s *server) {
			s.refuseWebSocket, s.refuseSPDY = answer(404, `container not found ("nginx")`), answer(404, `container not found ("nginx")`)
		}, apierrors.IsNotFound, `container not found ("nginx")`},
		{"a proxy hides the second", func(s *server) {
			s.refuseWebSocket, s.refuseSPDY = forbidden, answer(400, "<html>unknown upgrade</html>")
		}, apierrors.IsForbidden, `cannot create resource "pods/exec"`},
		{"a proxy hides the first", func(s *server) {
			s.refuseWebSocket, s.refuseSPDY = answer(502, "<html>"), forbidden
		}, apierrors.IsForbidden, `cannot create resource "pods/exec"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &server{}
			test.first(s)
			err := s.start(t).Run(t.Context(), []string{"x"}, strings.NewReader("x"), nil, nil)
			if !test.is(err) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v", err)
			}
			if got := s.methods(); !reflect.DeepEqual(got, []string{"GET", "POST"}) {
				t.Errorf("asked with %v", got)
			}
		})
	}
}

func TestFallsBackToSPDY(t *testing.T) {
	for _, code := range []int{400, 403, 404, 502} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			s := &server{refuseWebSocket: answer(code, "not for you"), run: func(c *conversation) int {
				_, _ = io.Copy(c.stdout, c.stdin)
				return 7
			}}
			var back bytes.Buffer
			var exit *attach.ExitError
			err := s.start(t).Run(t.Context(), []string{"cat"}, strings.NewReader("hello"), &back, nil)
			if !errors.As(err, &exit) || exit.Code != 7 || back.String() != "hello" {
				t.Errorf("got %v and %q", err, &back)
			}
		})
	}
}

func TestVariableLeavesWebSocketOut(t *testing.T) {
	t.Setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "false")
	s := &server{run: func(*conversation) int { return 0 }}
	if err := s.start(t).Run(t.Context(), []string{"true"}, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := s.methods(); !reflect.DeepEqual(got, []string{"POST"}) {
		t.Errorf("asked with %v", got)
	}
}
