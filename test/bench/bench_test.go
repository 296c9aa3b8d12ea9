// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package bench measures the built plugin against kubectl on a real cluster: "make bench" names it. It prints figures and
// judges none: how fast a machine is on a day is no property of this code.
package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/faultproxy"
)

var (
	rounds = flag.Int("rounds", 7, "how many times each command runs")
	only   = flag.String("only", "", "measure only what has this in its name")
	update = flag.Bool("update", false, "write the figures into docs/performance.md")
)

// A command is a line for sh. What it leaves in $OUT and in the pod's /data/up is removed before the next.
type command struct{ name, line string }

// A contest runs commands by turns: a b c, a b c, ... The first one is ours, the others are what it is compared with.
type contest struct {
	name     string
	commands []command
	rounds   int // at most, where one takes long
}

// Rows that need more pods than one.
const (
	coldRow = "a command in a helper that is not there yet"
	manyRow = "fifty pods"
)

const stat = `find /data/many -exec stat -c '%n %d:%i %f %s %u %g %h %t:%T %Y %y %b' {} +`

func contests() []contest {
	return []contest{
		{"one file of 256 MiB, down", []command{
			{"cp", `kubectl-shareproc cp -q bench:/data/big "$OUT/big"`},
			{"kubectl exec cat", `kubectl exec bench -c app -- cat /data/big >"$OUT/big"`},
			{"kubectl cp", `kubectl cp -c app bench:/data/big "$OUT/big"`},
			{"the checksum alone, in the pod", `kubectl exec bench -c app -- sha1sum /data/big`},
		}, 0},
		{"one file of 256 MiB, up", []command{
			{"cp", `kubectl-shareproc cp -q "$IN/big" bench:/data/up/`},
			{"kubectl exec cat", `kubectl exec -i bench -c app -- sh -c 'cat >/data/up/big; true' <"$IN/big"`},
			{"kubectl cp", `kubectl cp -c app "$IN/big" bench:/data/up/big`},
		}, 0},
		{"20,000 files of 2 KiB, down", []command{
			{"cp", `kubectl-shareproc cp -q bench:/data/small "$OUT/small"`},
			{"kubectl exec tar", `kubectl exec bench -c app -- tar -C /data -cf - small | tar -C "$OUT" -xf -`},
			{"kubectl cp", `kubectl cp -c app bench:/data/small "$OUT/small"`},
		}, 0},
		{"20,000 files of 2 KiB, down, onto a disk", []command{
			{"cp", `kubectl-shareproc cp -q bench:/data/small "$DISK/small"`},
			{"kubectl exec tar", `kubectl exec bench -c app -- tar -C /data -cf - small | tar -C "$DISK" -xf -`},
			{"kubectl cp", `kubectl cp -c app bench:/data/small "$DISK/small"`},
		}, 0},
		{"20,000 files of 2 KiB, up", []command{
			{"cp", `kubectl-shareproc cp -q "$IN/small" bench:/data/up/`},
			{"kubectl exec tar", `tar -C "$IN" -cf - small | kubectl exec -i bench -c app -- tar -C /data/up -xf -`},
			{"kubectl cp", `kubectl cp -c app "$IN/small" bench:/data/up/small`},
		}, 0},
		{"a log of 256 MiB over 10 MB/s and 50 ms, down", []command{
			{"cp", `KUBECONFIG="$SLOW" kubectl-shareproc cp -q bench:/data/log "$OUT/log"`},
			{"kubectl cp", `KUBECONFIG="$SLOW" kubectl cp -c app bench:/data/log "$OUT/log"`},
		}, 3},
		{"a log of 256 MiB over 10 MB/s and 50 ms, up", []command{
			{"cp", `KUBECONFIG="$SLOW" kubectl-shareproc cp -q "$IN/log" bench:/data/up/`},
			{"kubectl cp", `KUBECONFIG="$SLOW" kubectl cp -c app "$IN/log" bench:/data/up/log`},
		}, 3},
		{"256 MiB of noise, down, where each connection has 10 MB/s and 50 ms", []command{
			{"cp --streams 4", `KUBECONFIG="$SLOW" kubectl-shareproc cp -q --streams 4 bench:/data/big "$OUT/big"`},
			{"kubectl cp", `KUBECONFIG="$SLOW" kubectl cp -c app bench:/data/big "$OUT/big"`},
		}, 3},
		{"a dump of 1 GiB, half of it holes, down", []command{
			{"cp", `kubectl-shareproc cp -q bench:/data/dump "$OUT/dump"`},
			{"kubectl cp", `kubectl cp -c app bench:/data/dump "$OUT/dump"`},
		}, 5},
		{"a command in a helper that runs", []command{
			{"debug -- true", `exec kubectl-shareproc debug -q bench -- true`},
			{"kubectl exec -- true", `exec kubectl exec bench -c app -- true`},
		}, 0},
		{"a directory", []command{
			{"fs /data", `exec kubectl-shareproc fs -q bench /data`},
			{"kubectl exec -- true", `exec kubectl exec bench -c app -- true`},
		}, 0},
		{"a list of processes, by one look", []command{
			{"ps --interval 0", `exec kubectl-shareproc ps -q bench --interval 0`},
			{"kubectl exec -- true", `exec kubectl exec bench -c app -- true`},
		}, 0},
		{"a directory, on a connection that is open", []command{
			{"one listing of fs serve", `exec curl -sf "$SERVE/data/up/" >/dev/null`},
			{"kubectl exec -- true", `exec kubectl exec bench -c app -- true`},
		}, 0},
		{coldRow, []command{
			{"debug -- true", `exec kubectl-shareproc debug -q many-$ROUND -- true`},
			{"kubectl debug --target", `p=many-$((ROUND + 20)); exec kubectl debug -q $p --target=$p --image="$SHAREPROC_IMAGE" --attach -- true`},
		}, 0},
		{manyRow, []command{
			{"ps --all-pods --interval 0", `kubectl-shareproc ps -q -l app=many --all-pods --interval 0 >"$OUT/list"`},
			{"a loop of kubectl exec", `for p in $(kubectl get pods -l app=many -o name); do kubectl exec "$p" -- ps >>"$OUT/list"; done`},
		}, 0},
		{"listing of 100,000 files", []command{
			{"fs find", `kubectl-shareproc fs find -q bench /data/many >"$OUT/list"`},
			{"kubectl exec find stat", `kubectl exec bench -c app -- ` + stat + ` >"$OUT/list"`},
		}, 0},
		{"version --client", []command{
			{"version --client", `exec kubectl-shareproc version --client >/dev/null`},
			{"kubectl version --client", `exec kubectl version --client >/dev/null`},
		}, 0},
		{"completion of a command's name", []command{
			{"__complete", `exec kubectl-shareproc __complete '' >/dev/null 2>&1`},
			{"kubectl __complete", `exec kubectl __complete '' >/dev/null 2>&1`},
		}, 0},
	}
}

const pod = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bench"}, "spec": {"terminationGracePeriodSeconds": 0,
"containers": [{"name": "app", "image": %q, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "86400"],
"volumeMounts": [{"name": "data", "mountPath": "/data"}]}], "volumes": [{"name": "data", "emptyDir": {"medium": "Memory"}}]}}`

// A bench is a pod with files, and the same files here. All are in memory, disk is not: what a disk takes to make a file is
// hundreds of times what anything else of it takes, and changes from minute to minute.
type bench struct {
	t             *testing.T
	in, out, disk string
	env           []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	kubeconfig, path := os.Getenv("SHAREPROC_E2E_KUBECONFIG"), os.Getenv("SHAREPROC_E2E_PATH")
	if kubeconfig == "" || os.Getenv("SHAREPROC_BENCH") == "" {
		t.Skip("run make bench")
	}
	directory, err := os.MkdirTemp("/dev/shm", "shareproc-bench-") //nolint:usetesting // which may be on a disk
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	b := &bench{t: t, in: filepath.Join(directory, "in"), out: filepath.Join(directory, "out"), disk: t.TempDir()}
	own := filepath.Join(directory, "kubeconfig")
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, text, 0o600); err != nil {
		t.Fatal(err)
	}
	image := os.Getenv("SHAREPROC_E2E_BUSYBOX")
	helper := cmp.Or(os.Getenv("SHAREPROC_BENCH_IMAGE"), image)
	b.env = append(os.Environ(), "KUBECONFIG="+own, "PATH="+path+":"+os.Getenv("PATH"), "SHAREPROC_IMAGE="+helper, "IN="+b.in, "OUT="+b.out, "DISK="+b.disk, "SLOW="+own+".slow")
	namespace := "shareproc-bench-" + strconv.Itoa(os.Getpid())
	b.sh("kubectl create namespace "+namespace, "")
	t.Cleanup(func() { b.sh("kubectl delete namespace "+namespace+" --wait=false", "") })
	b.sh("kubectl config set-context --current --namespace="+namespace+" && kubectl wait --for=create serviceaccount/default --timeout=60s", "")
	b.slow(own)
	b.sh("kubectl apply -f - && kubectl wait --for=condition=Ready pod/bench --timeout=90s", fmt.Sprintf(pod, image))
	b.fill()
	return b
}

// slow leaves a kubeconfig beside the own one whose line is slow.
func (b *bench) slow(own string) {
	b.t.Helper()
	server := strings.TrimPrefix(strings.TrimSpace(b.output(`kubectl config view --minify -o 'jsonpath={.clusters[0].cluster.server}'`)), "https://")
	proxy, err := faultproxy.NewLine(b.t.Context(), server, faultproxy.Line{Rate: 10_000_000, Delay: 25 * time.Millisecond}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(proxy.Close)
	text, err := os.ReadFile(own)
	if err == nil {
		err = os.WriteFile(own+".slow", bytes.ReplaceAll(text, []byte(server), []byte(proxy.Address())), 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// prepare makes what only some rows need.
func (b *bench) prepare(name string) {
	b.t.Helper()
	switch name {
	case coldRow, manyRow:
		b.sh(`for i in $(seq 50); do kubectl get pod many-$i >/dev/null 2>&1 || kubectl run many-$i --image="$SHAREPROC_IMAGE" --labels=app=many --restart=Never --command -- sleep 86400 || exit; done
kubectl wait --for=condition=Ready pod -l app=many --timeout=300s`, "")
	}
	if name == manyRow {
		b.sh(`kubectl-shareproc ps -q -l app=many --all-pods`, "")
	}
}

// serve starts a server of the pod's files, which holds one connection, and gives its address to the lines as SERVE.
func (b *bench) serve() {
	b.t.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv("SHAREPROC_E2E_PATH"), "kubectl-shareproc"), "fs", "serve", "bench", "-q", "--idle", "2h")
	cmd.Env = b.env
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.t.Fatal(err)
	}
	b.env = append(b.env, "SERVE="+strings.TrimRight(strings.TrimSpace(address), "/"))
}

// log writes 256 MiB of lines as programs write them: they shrink by gzip to a quarter or so.
func (b *bench) log() {
	b.t.Helper()
	file, err := os.Create(filepath.Join(b.in, "log"))
	if err != nil {
		b.t.Fatal(err)
	}
	// Not in memory: a program is said to have needed what its parent had.
	text := bufio.NewWriter(file)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for n := 0; n < 256<<20; {
		more, _ := fmt.Fprintf(text, "2026-01-01T%02d:%02d:%02d.%03dZ INFO request=%08x path=/api/v1/items/%d status=200 ms=%d\n",
			random.IntN(24), random.IntN(60), random.IntN(60), random.IntN(1000), random.Uint32(), random.IntN(1000), random.IntN(900))
		n += more
	}
	if err := errors.Join(text.Flush(), file.Close()); err != nil {
		b.t.Fatal(err)
	}
}

// fill makes the files here, and brings them there.
func (b *bench) fill() {
	b.t.Helper()
	b.sh(`mkdir -p "$IN" && head -c 268435456 /dev/urandom >"$IN/big"`, "")
	b.sh(`truncate -s 1G "$IN/dump" && for i in 0 2 4 6; do dd if="$IN/big" of="$IN/dump" bs=1M seek=$((i * 128)) count=128 skip=$((i * 16)) conv=notrunc; done`, "")
	b.log()
	for tree, size := range map[string]int{"small": 2048, "many": 0} {
		content := []byte(strings.Repeat("x", size))
		count := map[string]int{"small": 200, "many": 1000}[tree]
		for i := range 100 {
			directory := filepath.Join(b.in, tree, fmt.Sprint("directory-", i))
			if err := os.MkdirAll(directory, 0o755); err != nil {
				b.t.Fatal(err)
			}
			for j := range count {
				if err := os.WriteFile(filepath.Join(directory, fmt.Sprint("file-", j)), content, 0o644); err != nil {
					b.t.Fatal(err)
				}
			}
		}
	}
	b.sh(`tar -C "$IN" --exclude=./dump -cf - . | kubectl exec -i bench -- tar -C /data -xf - && kubectl-shareproc cp -q "$IN/dump" bench:/data/`, "")
	// The helper is there before the first round.
	b.sh("kubectl-shareproc fs bench /data -q", "")
	b.clear()
	b.serve()
}

// output is what a line prints.
func (b *bench) output(line string) string {
	b.t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Env = b.env
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	return string(out)
}

// tools is what the helper's tools say of themselves.
func (b *bench) tools() string {
	b.t.Helper()
	version, _, _ := strings.Cut(b.output("kubectl-shareproc debug -q bench -- busybox"), " (")
	return version
}

func (b *bench) clear() {
	b.t.Helper()
	b.sh(`rm -rf "$OUT" "$DISK" && mkdir -p "$OUT" "$DISK" && kubectl exec bench -c app -- sh -c 'rm -rf /data/up && mkdir /data/up'`, "")
}

// cost is what a line took: time, processor time on the client's side and on the whole machine, and the most memory of its
// largest process, in bytes.
type cost struct {
	took, cpu, all time.Duration
	memory         int64
}

// busy is the time that the machine's processors have worked: user, nice, system, irq and softirq of /proc/stat (proc_stat(5)).
func busy(t *testing.T) time.Duration {
	t.Helper()
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	var n [7]int64 // in ticks, of which Linux shows a hundred to the second
	if _, err := fmt.Sscanf(string(text), "cpu %d %d %d %d %d %d %d", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6]); err != nil {
		t.Fatal(err)
	}
	return time.Duration(n[0]+n[1]+n[2]+n[5]+n[6]) * time.Second / 100
}

// sh runs a line that has to work.
func (b *bench) sh(line, stdin string) {
	b.t.Helper()
	if _, err := b.try(line, stdin); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) try(line, stdin string) (cost, error) {
	b.t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Env, cmd.Stdin = b.env, strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	before, start := busy(b.t), time.Now()
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("%s: %w\n%s", line, err, out.String())
	}
	took, all := time.Since(start), busy(b.t)-before
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.t.Fatal("no usage of resources")
	}
	return cost{took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), all, usage.Maxrss << 10}, nil
}

// A row is what came of one command.
type row struct {
	took, cpu, all []time.Duration
	memory         int64
	failed         int
}

func (b *bench) run(c contest) []row {
	b.t.Helper()
	rows := make([]row, len(c.commands))
	for round := range min(*rounds, cmp.Or(c.rounds, *rounds)) {
		for i, command := range c.commands {
			line := fmt.Sprintf("ROUND=%d; %s", round+1, command.line)
			c, err := b.try(line, "")
			// A stream that a busy server cuts ends kubectl's copy. It is made once more, and the failure is logged.
			for again := 0; err != nil && i > 0 && again < 3; again++ {
				b.t.Log(err)
				rows[i].failed++
				b.clear()
				c, err = b.try(line, "")
			}
			if err != nil {
				b.t.Fatal(err)
			}
			rows[i].took, rows[i].cpu, rows[i].all = append(rows[i].took, c.took), append(rows[i].cpu, c.cpu), append(rows[i].all, c.all)
			rows[i].memory = max(rows[i].memory, c.memory)
			b.clear()
		}
	}
	return rows
}

func median[T time.Duration | float64](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// table is a contest in Markdown. Ratios are of the pairs of each round, so that what else the machine does in between is in both.
func table(c contest, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n| command | median | least to most | client's CPU | machine's CPU | peak memory | ours by it: median | least to most |\n|---|---|---|---|---|---|---|---|\n",
		strings.ToUpper(c.name[:1])+c.name[1:])
	for i, r := range rows {
		fmt.Fprintf(&b, "| `%s` | %.2f s | %.2f to %.2f s | %.2f s | %.2f s | %d MiB |", c.commands[i].name, median(r.took).Seconds(),
			slices.Min(r.took).Seconds(), slices.Max(r.took).Seconds(), median(r.cpu).Seconds(), median(r.all).Seconds(), r.memory>>20)
		if i == 0 {
			fmt.Fprintf(&b, " | |\n")
			continue
		}
		var ratios []float64
		for j := range r.took {
			ratios = append(ratios, float64(rows[0].took[j])/float64(r.took[j]))
		}
		fmt.Fprintf(&b, " **%.2f** | %.2f to %.2f |\n", median(ratios), slices.Min(ratios), slices.Max(ratios))
	}
	b.WriteString("\n")
	for i, r := range rows {
		if r.failed > 0 {
			fmt.Fprintf(&b, "`%s` failed %d times and was run again.\n\n", c.commands[i].name, r.failed)
		}
	}
	return b.String()
}

// TestBench runs every contest.
func TestBench(t *testing.T) {
	b := newBench(t)
	var text strings.Builder
	server := ""
	for line := range strings.Lines(b.output("kubectl version -o yaml")) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "gitVersion: "); ok {
			server = v // the server's comes last
		}
	}
	fmt.Fprintf(&text, "%s, %d cores, Kubernetes %s, %s in the helper, cluster and client on one machine; %d rounds.\n\n", runtime.GOARCH, runtime.NumCPU(), server, b.tools(), *rounds)
	fmt.Print(text.String())
	for _, c := range contests() {
		if !strings.Contains(c.name, *only) {
			continue
		}
		b.prepare(c.name)
		part := table(c, b.run(c))
		fmt.Print(part)
		text.WriteString(part)
	}
	if *update && *only == "" {
		write(t, text.String())
	}
}

// write puts the figures between the marks of docs/performance.md.
func write(t *testing.T, text string) {
	t.Helper()
	const file, begin, end = "../../docs/performance.md", "<!-- figures -->\n", "<!-- end of figures -->\n"
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for figures", file)
	}
	if err := os.WriteFile(file, []byte(before+begin+text+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
