// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"slices"
	"strconv"
	"strings"
)

// A Call is a system call that a thread is in.
type Call struct {
	Name string
	// FD is the descriptor that it is about, -1 for none.
	FD int
}

// ParseCall reads /proc/PID/syscall on a machine, by the name that uname -m has. ok is false where the thread is in no call: it
// runs, or waits for memory. On machines whose numbers are not known here a call is called by its number.
func ParseCall(text, machine string) (call Call, ok bool) {
	f := strings.Fields(text)
	if len(f) == 0 {
		return Call{}, false
	}
	number, err := strconv.Atoi(f[0])
	if err != nil || number < 0 {
		return Call{}, false
	}
	call = Call{Name: "syscall " + strconv.Itoa(number), FD: -1}
	named := func(c systemCall) bool { return c.number(machine) == number }
	if i := slices.IndexFunc(otherCalls(), named); i >= 0 {
		call.Name = otherCalls()[i].name
	}
	if i := slices.IndexFunc(descriptorCalls(), named); i >= 0 {
		call.Name = descriptorCalls()[i].name
		if len(f) > 1 {
			// The kernel takes the lower 32 bits for the descriptor.
			if n, err := strconv.ParseUint(strings.TrimPrefix(f[1], "0x"), 16, 64); err == nil {
				call.FD = int(int32(uint32(n)))
			}
		}
	}
	return call, true
}

// systemCall is one that threads are met in. A number of -1 is none.
type systemCall struct {
	name         string
	amd64, arm64 int
}

func (c systemCall) number(machine string) int {
	switch machine {
	case "x86_64":
		return c.amd64
	case "aarch64", "arm64":
		return c.arm64
	}
	return -1
}

// descriptorCalls are those whose first argument is a descriptor, with the numbers of asm/unistd_64.h of x86 and of
// asm-generic/unistd.h, which arm64 has.
func descriptorCalls() []systemCall {
	return []systemCall{
		{"read", 0, 63},
		{"write", 1, 64},
		{"pread64", 17, 67},
		{"pwrite64", 18, 68},
		{"readv", 19, 65},
		{"writev", 20, 66},
		{"preadv", 295, 69},
		{"pwritev", 296, 70},
		{"recvfrom", 45, 207},
		{"sendto", 44, 206},
		{"recvmsg", 47, 212},
		{"sendmsg", 46, 211},
		{"recvmmsg", 299, 243},
		{"accept", 43, 202},
		{"accept4", 288, 242},
		{"connect", 42, 203},
		{"close", 3, 57},
		{"flock", 73, 32},
		{"fcntl", 72, 25},
		{"ioctl", 16, 29},
		{"fsync", 74, 82},
		{"fdatasync", 75, 83},
		{"fallocate", 285, 47},
		{"ftruncate", 77, 46},
		{"getdents64", 217, 61},
	}
}

// otherCalls are the others.
func otherCalls() []systemCall {
	return []systemCall{
		{"sendfile", 40, 71},
		{"splice", 275, 76},
		{"poll", 7, -1},
		{"ppoll", 271, 73},
		{"select", 23, -1},
		{"pselect6", 270, 72},
		{"epoll_wait", 232, -1},
		{"epoll_pwait", 281, 22},
		{"epoll_pwait2", 441, 441},
		{"futex", 202, 98},
		{"futex_waitv", 449, 449},
		{"nanosleep", 35, 101},
		{"clock_nanosleep", 230, 115},
		{"wait4", 61, 260},
		{"waitid", 247, 95},
		{"openat", 257, 56},
		{"open", 2, -1},
		{"openat2", 437, 437},
		{"sync", 162, 81},
		{"io_getevents", 208, 4},
		{"io_uring_enter", 426, 426},
		{"pause", 34, -1},
		{"rt_sigsuspend", 130, 133},
		{"rt_sigtimedwait", 128, 137},
		{"restart_syscall", 219, 128},
		{"semop", 65, 193},
		{"semtimedop", 220, 192},
		{"msgrcv", 70, 188},
		{"mq_timedreceive", 243, 183},
		{"mmap", 9, 222},
		{"munmap", 11, 215},
		{"madvise", 28, 233},
		{"mprotect", 10, 226},
	}
}
