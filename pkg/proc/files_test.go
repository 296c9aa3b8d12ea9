// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"slices"
	"testing"
)

// Descriptors of a shell and of nginx, as the helper reports them.
const (
	fdText = "7/fd/0//'7/fd/0' -> '/dev/null'\n7/fd/1//'7/fd/1' -> 'pipe:[558416]'\n7/fd/3//'7/fd/3' -> 'socket:[551]'\n" +
		"7/fd/6//'7/fd/6' -> '/data/a b (deleted)'\n7/fd/7//'7/fd/7' -> '/data/linked (deleted)'\n7/fd/8//'7/fd/8' -> 'anon_inode:[eventpoll]'\n" +
		"7/fd/9//'7/fd/9' -> '/memfd:x (deleted)'\n7/fd/10//'7/fd/10' -> '/data/up/f1'\n7/fd/11//'7/fd/11' -> '/data/up/f2'\n" +
		"7/fd/12//'7/fd/12' -> '/data/a b (deleted)'\n7/fd/13//'7/fd/13' -> 'anon_inode:[eventfd]'\n7/fd/14//'7/fd/14' -> 'anon_inode:inotify'\n"
	statTail   = " 0 0 1:3 1764406800 2026-11-29 09:00:00.000000000 +0000 2026-11-29 09:00:00.000000000 +0000\n"
	fdstatText = "7/fd/0//0 5:4 21b6 0 0 0 1" + " 1:3 1764406800 2026-11-29 09:00:00.0 +0000 2026-11-29 09:00:00.0 +0000\n" +
		"7/fd/6//204800 64768:99 81a4 104857600 0 0 0 0:0 1764406800 2026-11-29 09:00:00.000000000 +0000 2026-11-29 09:00:00.000000000 +0000\n" +
		"7/fd/7//8 64768:100 81a4 3 0 0 1 0:0 1764406800 2026-11-29 09:00:00.000000000 +0000 2026-11-29 09:00:00.000000000 +0000\n" +
		"7/fd/9//8 1:101 81a4 4096 0 0 0 0:0 1764406800 2026-11-29 09:00:00.000000000 +0000 2026-11-29 09:00:00.000000000 +0000\n" +
		"7/fd/10//0 64768:102 81a4 0 0 0 1 0:0 1764406800 2026-11-29 09:00:00.000000000 +0000 2026-11-29 09:00:00.000000000 +0000\n" +
		"7/fd/11//0 64768:103 81a4 0 0 0 1 0:0 1764406800 2026-11-29 09:00:00.000000000 +0000 2026-11-29 09:00:00.000000000 +0000\n" +
		"7/fd/12//204800 64768:99 81a4 104857600 0 0 0 0:0 1764406800 2026-11-29 09:00:00.000000000 +0000 2026-11-29 09:00:00.000000000 +0000\n"
	fdinfoText = "7/fdinfo/6:pos:\t5\n7/fdinfo/6:flags:\t0102001\n7/fdinfo/3:pos:\t0\n7/fdinfo/3:flags:\t02004002\n"
)

func filesOf(fd, stat, info string) ([]OpenFile, bool) {
	readings := readingsOf(map[string]string{"fd": fd, "fdstat": stat, "fdinfo": info, "net/tcp": tcpText})
	sockets, _ := Sockets(readings, 7)
	list, ok := readings.Descriptors(7)
	return OpenFiles(7, "app", list, sockets), ok
}

func TestOpenFilesAreWhatTheKernelSaysOfDescriptors(t *testing.T) {
	files, ok := filesOf(fdText, fdstatText, fdinfoText)
	if !ok {
		t.Fatal("denied")
	}
	types := map[int]string{}
	byFD := map[int]OpenFile{}
	for _, f := range files {
		types[f.FD], byFD[f.FD] = f.Type, f
	}
	for fd, want := range map[int]string{
		0: "device", 1: "pipe", 3: "socket", 6: "file", 7: "file", 8: "epoll", 9: "memfd", 10: "file", 13: "eventfd", 14: "inotify",
	} {
		if types[fd] != want {
			t.Errorf("descriptor %d is a %q, want %q", fd, types[fd], want)
		}
	}
	if f := byFD[6]; !f.Deleted || f.Path != "/data/a b" || *f.SizeBytes != 104857600 || *f.HeldBytes != 104857600 || *f.Position != 5 || f.Access != "w" || !f.Append || f.NonBlocking {
		t.Errorf("a deleted log: %+v", f)
	}
	if f := byFD[7]; f.Deleted || f.Path != "/data/linked (deleted)" {
		t.Errorf("a file with another name passes for deleted: %+v", f)
	}
	if f := byFD[3]; f.Socket == nil || f.Socket.Local() != "*:8080" || f.Access != "rw" || !f.NonBlocking {
		t.Errorf("a socket: %+v", f)
	}
}

func TestDeletedFilesAreCountedOnce(t *testing.T) {
	files, _ := filesOf(fdText, fdstatText, fdinfoText)
	child := slices.Clone(files)
	for i := range child {
		child[i].PID = 8
	}
	list, bytes := Deleted(append(files, child...))
	if len(list) != 1 || bytes != 104857600 || list[0].FD != 6 || !slices.Equal(list[0].OtherPIDs, []int{8}) {
		t.Errorf("%d bytes: %+v", bytes, list)
	}
}

func TestOpenFilesAreGroupedByDirectory(t *testing.T) {
	files, _ := filesOf(fdText, fdstatText, fdinfoText)
	groups := GroupFiles(files)
	for _, want := range []FileGroup{
		{Count: 2, PID: 7, Command: "app", Type: "file", Name: "/data/up/*"},
		{Count: 2, PID: 7, Command: "app", Type: "file", Name: "/data/a b", Deleted: true, HeldBytes: 104857600},
		{Count: 1, PID: 7, Command: "app", Type: "socket", Name: "tcp LISTEN *:8080"},
		{Count: 1, PID: 7, Command: "app", Type: "pipe"},
	} {
		if !slices.Contains(groups, want) {
			t.Errorf("%+v is not among %+v", want, groups)
		}
	}
}

func TestTheLimitOfDescriptorsIsKnownOrLeftOut(t *testing.T) {
	if use := UseOfDescriptors(7, "app", 392, limitsText); use.Limit == nil || *use.Limit != 1024 || use.Open != 392 {
		t.Errorf("%+v", use)
	}
	if use := UseOfDescriptors(7, "app", 392, ""); use.Limit != nil {
		t.Errorf("a limit of which nothing is known: %d", *use.Limit)
	}
}

func FuzzOpenFiles(f *testing.F) {
	f.Add(fdText, fdstatText, fdinfoText)
	f.Add("7/fd/3//\n7/fd/3//'7/fd/3' -> ''\n", "7/fd/3//"+statTail, "7/fdinfo/3:flags:\t777777777777777777777\n")
	f.Fuzz(func(t *testing.T, fd, stat, info string) {
		files, _ := filesOf(fd, stat, info)
		total := 0
		for _, g := range GroupFiles(files) {
			total += g.Count
		}
		if total != len(files) {
			t.Errorf("%d of %d files are in groups", total, len(files))
		}
		for _, f := range files {
			if f.Deleted && f.Type != TypeFile && f.Type != TypeMemory || f.Type == "" {
				t.Errorf("%+v", f)
			}
		}
		list, _ := Deleted(files)
		if len(list) > len(files) {
			t.Errorf("%d deleted of %d", len(list), len(files))
		}
	})
}
