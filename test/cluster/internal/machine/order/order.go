// SPDX-License-Identifier: Apache-2.0

// Package order is what the host tells the first process of a virtual machine to do. It does none of it.
package order

const (
	// File is where the machine finds its order.
	File = "/order.json"
	// Modules is the directory of the kernel's modules, loaded in the order of their names.
	Modules = "/modules"
	// Files is the directory whose content goes below the root of the disk.
	Files = "/files"
	// Greeting is what the machine sends first on a connection to Listen, once the socket behind it answers: what carries
	// connections into the machine accepts them before anything listens there.
	Greeting = '+'
)

// An Order is written as JSON.
type Order struct {
	Hostname string
	Address  string // of the machine, with the length of its network's prefix
	Gateway  string
	API      string // of the API server, as the machine sees it
	Env      []string
	Socket   string // of containerd
	Listen   string // the address at which others reach that socket

	Containerd, Kubelet Component
}

// A Component is a program that is started again when it ends.
type Component struct {
	Name string
	Argv []string
}
