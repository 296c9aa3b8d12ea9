// SPDX-License-Identifier: Apache-2.0

package report

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func now() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now().Add(-d)) }

// healthy is a container of which everything is known and nothing is wrong.
func healthy() Facts {
	return Facts{
		Pod: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"},
			Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}},
		},
		Container: "app", Command: "web -n shop", Now: now(), NodeTime: now().Add(time.Second), Interval: 2 * time.Second,
		Memory: Memory{Usage: Usage{100 << 20, 256 << 20}}, CPU: CPU{Usage: Usage{100, 300}, Periods: 20, Throttled: 1}, PIDs: Usage{5, 100},
		Pressure:    []Pressure{{"memory", 5, 2}, {"cpu", 90, 50}},
		Processes:   []Process{{PID: 1, Name: "app", State: "S", CPU: 100, Descriptors: Usage{20, 1024}, Before: 20, Most: "sockets", MostCount: 9}},
		Deleted:     []DeletedFile{{PID: 1, FD: 3, Name: "/tmp/x", Bytes: 1 << 20, Disk: 1 << 30}},
		Connections: []Connections{{State: "ESTABLISHED", Peer: "10.0.0.1:5432", Count: 50}, {State: "CLOSE_WAIT", Peer: "10.0.0.1:80", Count: 2}},
		Waits:       []Wait{{PID: 1, Process: "app", State: "S", For: "epoll", Count: 4}},
		FileSystems: []FileSystem{{Mount: "/data", Volume: "emptyDir data", Bytes: Usage{50, 100}, Inodes: Usage{1, 100}}},
		Names:       []NameServer{{Address: "10.96.0.10"}},
		Certs:       []Certificate{{"127.0.0.1:8443", "CN=web", now().AddDate(1, 0, 0)}},
	}
}

func TestAHealthyContainerHasNoFindings(t *testing.T) {
	if got := Find(healthy()); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsNotKnownIsNoFinding(t *testing.T) {
	f := Facts{
		Container: "app", Memory: Memory{Usage: Usage{Unknown, 1}, OOMKills: Unknown, Swapped: Unknown}, CPU: CPU{Usage: Usage{Unknown, Unknown}, Periods: Unknown, Throttled: Unknown},
		PIDs: Usage{7, Unlimited}, Processes: []Process{{PID: 1, Descriptors: Usage{Unknown, Unknown}, Before: Unknown, CPU: Unknown}},
		FileSystems: []FileSystem{{Mount: "/", Bytes: Usage{Unknown, Unknown}, Inodes: Usage{0, 0}}},
	}
	if got := Find(f); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestEachRuleFindsItsTrouble(t *testing.T) {
	status := func(f *Facts) *corev1.ContainerStatus { return &f.Pod.Status.ContainerStatuses[0] }
	killed := func(reason string, code int32) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code, FinishedAt: ago(time.Minute)}}
	}
	cases := []struct {
		rule     string
		severity Severity
		change   func(*Facts)
		text     string
		try      string
	}{
		{"swap", Warning, func(f *Facts) { f.Memory.Used, f.Memory.Swapped = 90<<20, 30<<20 }, "30M of container app's memory is in swap, beside 90M in memory", "kubectl shareproc top web -n shop"},
		{"oom", Critical, func(f *Facts) { f.Memory.OOMKills = 2 }, "killed 2 processes of container app for lack of memory (limit 256M)", "kubectl shareproc top web -n shop"},
		{
			"oom", Critical, func(f *Facts) { status(f).LastTerminationState, status(f).RestartCount = killed("OOMKilled", 137), 5 },
			"container app was killed for lack of memory (limit 256M) at 11:59:00 UTC, and has restarted 5 times", "kubectl shareproc top web -n shop",
		},
		{
			"restarts", Critical, func(f *Facts) { status(f).LastTerminationState, status(f).RestartCount = killed("Error", 3), 4 },
			"container app has restarted 4 times, last at 11:59:00 UTC after exit code 3", "kubectl shareproc debug web -n shop --copy --hold",
		},
		{"restarts", Warning, func(f *Facts) { status(f).LastTerminationState, status(f).RestartCount = killed("Error", 3), 1 }, "has restarted once", ""},
		{"state", Critical, func(f *Facts) {
			status(f).State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 10s"}}
		}, "container app is not running: CrashLoopBackOff back-off 10s", "kubectl shareproc doctor web -n shop"},
		{"state", Warning, func(f *Facts) {
			status(f).Ready = false
			f.Events = []corev1.Event{{Reason: "Unhealthy", Message: "Readiness probe failed: HTTP 503", LastTimestamp: ago(2 * time.Hour)}}
		}, "container app is not ready: Readiness probe failed: HTTP 503", ""},
		{"memory", Warning, func(f *Facts) { f.Memory.Used = 220 << 20 }, "memory is at 85% of the limit: 220M of 256M", ""},
		{"memory", Critical, func(f *Facts) { f.Memory.Used = 250 << 20 }, "memory is at 97% of the limit", ""},
		{"throttling", Critical, func(f *Facts) { f.CPU = CPU{Usage{300, 300}, 20, 19} }, "CPU is throttled in 95% of periods: 300m used of 300m; most of it is process 1 (app) with 100m", ""},
		{"throttling", Warning, func(f *Facts) { f.CPU.Throttled = 3 }, "CPU is throttled in 15% of periods", ""},
		{"pids", Warning, func(f *Facts) { f.PIDs.Used = 85 }, "processes and threads are at 85% of the limit: 85 of 100", "kubectl shareproc ps web -n shop"},
		{"descriptors", Critical, func(f *Facts) { f.Processes[0].Descriptors.Used, f.Processes[0].Before = 1000, 1000 }, "open files of process 1 (app) are at 97% of the limit: 1000 of 1024; 9 of them are sockets", "kubectl shareproc lsof web -n shop"},
		{"descriptors", Warning, func(f *Facts) {
			f.Processes[0].Descriptors, f.Processes[0].Before, f.Processes[0].Most, f.Processes[0].MostCount = Usage{392, 20000}, 390, "/tmp/up/*", 390
		}, "process 1 (app) has 392 open files; 390 of them are /tmp/up/*; 2 more than 2s ago", ""},
		{"deleted-files", Warning, func(f *Facts) { f.Deleted[0].Bytes = 200 << 20 }, "200M in 1 deleted file held open by PID 1, 19% of the disk; the largest is /tmp/x", "kubectl shareproc lsof web -n shop --deleted"},
		{"deleted-files", Notice, func(f *Facts) { f.Deleted[0].Bytes, f.Deleted[0].Disk = 100<<20, 1<<40 }, "100M in 1 deleted file held open by PID 1; the largest is /tmp/x", ""},
		{"disk", Critical, func(f *Facts) { f.FileSystems[0].Bytes = Usage{99 << 20, 100 << 20} }, "space of /data (emptyDir data) is at 99%: 99M of 100M", "kubectl shareproc fs df web -n shop"},
		{"disk", Warning, func(f *Facts) { f.FileSystems[0].Inodes = Usage{91, 100} }, "inodes of /data (emptyDir data) is at 91%: 91 of 100", ""},
		{"dns", Critical, func(f *Facts) { f.Names[0].Err = "no answer in 2s" }, "DNS does not answer: nameserver 10.96.0.10: no answer in 2s", "kubectl shareproc ss web -n shop --to kubernetes.default.svc:443"},
		{
			"connections", Warning, func(f *Facts) { f.Connections[1].Count, f.Connections[1].PID, f.Connections[1].Process = 48, 1, "app" },
			"48 connections of process 1 (app) are in CLOSE_WAIT with 10.0.0.1:80: the peer has closed them", "kubectl shareproc ss web -n shop",
		},
		{"connections", Warning, func(f *Facts) { f.Connections[0].State, f.Connections[0].Count = "SYN_SENT", 1 }, "1 connection to 10.0.0.1:5432: no answer (SYN_SENT)", ""},
		{"stuck", Warning, func(f *Facts) { f.Waits[0] = Wait{1, "app", "S", "the other end of FIFO /run/pipe", 1, true} }, "1 thread of process 1 (app) waits for the other end of FIFO /run/pipe", "kubectl shareproc threads web -n shop"},
		{"uninterruptible", Critical, func(f *Facts) { f.Waits[0] = Wait{1, "app", "D", "nfs_wait_bit_killable", 2, true} }, "2 threads of process 1 (app) are uninterruptible (state D) in nfs_wait_bit_killable", ""},
		{"zombies", Warning, func(f *Facts) {
			for i := range 12 {
				f.Processes = append(f.Processes, Process{PID: 10 + i, Parent: 1, State: "Z", Descriptors: Usage{Unknown, Unknown}, Before: Unknown})
			}
		}, "12 zombies: process 1 (app) does not reap its children", "kubectl shareproc ps web -n shop --tree"},
		{"certificates", Critical, func(f *Facts) { f.Certs[0].NotAfter = now().Add(-time.Hour) }, "the certificate of 127.0.0.1:8443 (CN=web) expired on 2026-05-04", "kubectl shareproc ss web -n shop --to 127.0.0.1:8443"},
		{"certificates", Warning, func(f *Facts) { f.Certs[0].NotAfter = now().Add(50 * time.Hour) }, "expires in 2 days", ""},
		{"stale-config", Warning, func(f *Facts) { f.Stale = []Stale{{"variable LEVEL", "ConfigMap app"}} }, "runs with an older configuration than there is now: variable LEVEL (ConfigMap app)", "kubectl shareproc env web -n shop --stale"},
		{"odd-replica", Warning, func(f *Facts) { f.Odd, f.All = []Oddity{{"variable LEVEL", "debug", "info"}}, "deploy/web -n shop" }, "this pod is not like the others: variable LEVEL is debug and not info", "kubectl shareproc env deploy/web -n shop --all-pods --diff"},
		{"pressure", Warning, func(f *Facts) { f.Pressure[0].Full = 35 }, "all processes waited for memory 35% of the last 10 seconds", ""},
		{"busy", Notice, func(f *Facts) { f.Processes[0].CPU = 990 }, "process 1 (app) uses 990m of CPU", ""},
		{"clock", Warning, func(f *Facts) { f.NodeTime = now().Add(-time.Minute) }, "the clock of the node is 1m0s behind the API server's", ""},
		{"events", Notice, func(f *Facts) {
			f.Events = []corev1.Event{{Type: "Warning", Reason: "FailedMount", Message: "no such secret", LastTimestamp: ago(time.Minute)}}
		}, "the last warning of the cluster is from 11:59:00 UTC: FailedMount: no such secret", ""},
	}
	tested := map[string]bool{}
	for _, c := range cases {
		t.Run(c.rule+"/"+string(c.severity), func(t *testing.T) {
			f := healthy()
			c.change(&f)
			got := Find(f)
			tested[c.rule] = true
			if len(got) != 1 || got[0].Rule != c.rule || got[0].Severity != c.severity || !strings.Contains(got[0].Text, c.text) || c.try != "" && got[0].Try != c.try {
				t.Errorf("got %+v\nwant %s %s %q %q", got, c.rule, c.severity, c.text, c.try)
			}
		})
	}
	for _, r := range rules() {
		if !tested[r.name] {
			t.Errorf("rule %s has no case", r.name)
		}
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	f := healthy()
	f.Processes[0].CPU, f.Stale, f.Memory.OOMKills = 990, []Stale{{"a", "b"}}, 1
	var order []Severity
	for _, finding := range Find(f) {
		order = append(order, finding.Severity)
	}
	if !slices.Equal(order, []Severity{Critical, Warning, Notice}) {
		t.Errorf("%v", order)
	}
}

func TestThePageBeginsWithWhatIsWrongAndEscapesTheTarget(t *testing.T) {
	f := healthy()
	f.Processes[0].Name, f.Processes[0].CPU = "app\x1b[2J", 990
	f.Memory.OOMKills = 1
	var b strings.Builder
	f.Stale = []Stale{{"file /etc/app/app.conf", "configmap/app"}}
	sections := []Section{
		{Title: "Processes", Rows: [][]string{{"PID", "STATE", "COMMAND"}, {"1", "S", "app\x1b[2J\nx"}, {"12345", "S", "worker"}}},
		{Title: "Empty", Rows: [][]string{{"HEADER"}}},
		{Title: "Log", Lines: []string{"\x1b]0;x\a", "listening on :8080"}},
	}
	if err := Page(&b, f, Find(f), sections); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\a") {
		t.Errorf("%q", b.String())
	}
	golden(t, "page.golden.txt", b.String())
	b.Reset()
	if err := Page(&b, healthy(), nil, nil); err != nil {
		t.Fatal(err)
	}
	golden(t, "healthy.golden.txt", b.String())
}

var update = flag.Bool("update", false, "write the golden files")

// golden compares a page with the one that was looked at.
func golden(t *testing.T, name, page string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if page != string(want) {
		t.Errorf("%s differs; got:\n%s", file, page)
	}
}
