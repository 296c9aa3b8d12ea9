// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/list"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
)

// A pane is a directory on the screen.
type pane struct {
	place place.Place
	place.Spot
	containers []string // of the pod
	learned    bool     // when the container was started is being found out
	// replica is another pod of the workload, once = has opened one.
	replica *place.Opened
	// title says whose files they are.
	title string
	list.List
	coming   string // the directory that is being listed; "" for none
	turn     int    // counts where it has been sent: an answer from before comes too late
	stamping bool   // it is being looked at again
	renewing bool   // it is being opened again
}

func newPane(p place.Place, title, dir string) *pane {
	return &pane{place: p, title: title, List: list.New(dir)}
}

// newSpotPane is the pane of a spot that was opened.
func newSpotPane(o place.Opened) *pane {
	p := newPane(o.Place, o.Title, o.Dir)
	p.Spot, p.containers, p.Want = o.Spot, o.Containers, o.Name
	return p
}
