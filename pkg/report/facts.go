// SPDX-License-Identifier: Apache-2.0

// Package report answers "what is wrong?": it judges what is known of a container by a table of rules, and puts it on a page.
// It knows no client and reads nothing: whoever calls it has gathered the facts.
package report

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Unknown stands for a number that could not be read, and Unlimited for a limit that is none.
const (
	Unknown   = int64(-1)
	Unlimited = int64(-2)
)

// Facts are what is known of a container at one moment. What could not be gathered is nil, empty or Unknown, and then no rule
// says anything about it.
type Facts struct {
	Pod       *corev1.Pod
	Container string
	// Command is how a command for this pod goes on behind its verb: "web -n shop".
	Command string
	// All is how a command for all pods of the workload goes on: "-l app=web". "" where it was asked for one pod.
	All    string
	Events []corev1.Event
	// Now is the API server's time, and NodeTime the node's at the same moment.
	Now, NodeTime time.Time
	// Interval is how far the two samples lie apart that rates are made of.
	Interval time.Duration

	Memory      Memory
	CPU         CPU
	PIDs        Usage
	Pressure    []Pressure
	Processes   []Process
	Deleted     []DeletedFile
	Connections []Connections
	Waits       []Wait
	FileSystems []FileSystem
	Names       []NameServer
	Certs       []Certificate
	Stale       []Stale
	// Odd is what this pod has otherwise than most pods of its workload.
	Odd []Oddity
}

// Usage is a number and its limit.
type Usage struct{ Used, Limit int64 }

// Memory is that of the container's cgroup, in bytes.
type Memory struct {
	// Usage is without the page cache that the kernel can drop at once, as the kubelet counts.
	Usage
	OOMKills int64
	// Swapped is what was moved to a disk, beside what is used.
	Swapped int64
}

// CPU is what the container's cgroup has used in the interval, in thousandths of a CPU; the limit is that of its quota.
type CPU struct {
	Usage
	// Periods are those of the quota in the interval, and Throttled those in which it ran out.
	Periods, Throttled int64
}

// Pressure is how long processes of the container waited for a resource (PSI), in percent of the last ten seconds.
type Pressure struct {
	Resource   string // cpu, memory or io
	Some, Full float64
}

// Process is one of the container's.
type Process struct {
	PID, Parent int
	Name, State string
	// CPU is in thousandths of a CPU over the interval.
	CPU int64
	// Descriptors are those that are open and their limit, Before how many there were at the beginning of the interval.
	Descriptors Usage
	Before      int64
	// Most is what most of the descriptors are, such as "/tmp/up/*", and MostCount how many of them.
	Most      string
	MostCount int
}

// DeletedFile is a file without a name that a process holds open.
type DeletedFile struct {
	PID, FD int
	Name    string
	Bytes   int64
	// Disk is how large its file system is, or the limit of its volume.
	Disk int64
}

// Connections are TCP connections of one state with one peer.
type Connections struct {
	State, Peer string
	PID         int
	Process     string
	Count       int
}

// Wait is what threads of a process wait for, in both samples.
type Wait struct {
	PID     int
	Process string
	State   string // one letter of proc(5)
	// For is what they wait for, in words: "read of pipe:[7]".
	For   string
	Count int
	// Stuck says that it is nothing that a healthy process waits for, such as the other end of a FIFO.
	Stuck bool
}

// FileSystem is a mount of the container.
type FileSystem struct {
	Mount, Volume string
	Bytes, Inodes Usage
}

// NameServer is one of the container's resolv.conf, and why it gave no answer.
type NameServer struct {
	Address string
	Err     string
}

// Certificate is what a port of the pod presents.
type Certificate struct {
	Address, Subject string
	NotAfter         time.Time
}

// Stale is a value that the container has and its source has not any more.
type Stale struct {
	Name   string // "variable LOG_LEVEL", "file /etc/app/app.conf"
	Source string // "ConfigMap app"
}

// Oddity is a value that this pod has otherwise than most.
type Oddity struct{ Name, Here, Others string }
