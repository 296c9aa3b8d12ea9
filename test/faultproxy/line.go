// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"io"
	"time"
)

// A Line is what a connection is like where nothing breaks. The zero Line is this machine's own.
type Line struct {
	// Rate is how many bytes come through in a second, each way.
	Rate int
	// Delay is how long each of them is on its way.
	Delay time.Duration
}

// block is what was read at once.
const block = 32 << 10

// shaped is a reader at the far end of a line.
func (l Line) shaped(r io.Reader) io.Reader {
	if l.Rate == 0 {
		return r
	}
	type parcel struct {
		data []byte
		due  time.Time
		err  error
	}
	// As much is on its way as the line holds.
	onTheWay := make(chan parcel, max(1, int(l.Delay.Seconds()*float64(l.Rate))/block))
	far, near := io.Pipe()
	go func() {
		for {
			data := make([]byte, block)
			n, err := r.Read(data)
			onTheWay <- parcel{data[:n], time.Now().Add(l.Delay), err}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		free := time.Now()
		for p := range onTheWay {
			if free.Before(p.due) {
				free = p.due
			}
			free = free.Add(time.Duration(len(p.data)) * time.Second / time.Duration(l.Rate))
			<-time.After(time.Until(free))
			if _, err := near.Write(p.data); err != nil || p.err != nil {
				near.CloseWithError(p.err)
				for p.err == nil {
					p = <-onTheWay // the other goroutine ends with its connection
				}
				return
			}
		}
	}()
	return far
}
