// SPDX-License-Identifier: Apache-2.0

// Goserver is a Go program that serves pprof on localhost, and has goroutines that wait for one another.
package main

import (
	"log"
	"net/http"
	_ "net/http/pprof" //nolint:gosec // that is what it is for
	"sync"
	"time"
)

func main() {
	var mu sync.Mutex
	mu.Lock()
	for range 100 {
		go waitForLock(&mu)
	}
	server := http.Server{Addr: "127.0.0.1:6060", ReadHeaderTimeout: time.Second}
	log.Print(server.ListenAndServe())
}

func waitForLock(mu *sync.Mutex) {
	mu.Lock()
	defer mu.Unlock()
}
