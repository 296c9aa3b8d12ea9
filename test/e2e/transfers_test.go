// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/test/faultproxy"
)

const (
	// transferBound is after how long a copy over a bad line hangs: nearly twice what transfer.Bound says, since machines are slow.
	transferBound = 180 * time.Second
	// usualSeed has the same trials come each time, unless more or others are asked for.
	usualSeed = 11046565451864667392
	// silence is how long a line may be without a sign of life before cp gives it up, and upgrade what a stream carries
	// before it stands: a line that stalls there is waited for once, and longer.
	silence = 20 * time.Second
	upgrade = 16 << 10
)

// A line says how a trial's connections break.
type line int

const (
	once  line = iota // the first does: cp has to go on
	every             // all do, anywhere: cp may get through
	never             // all do, early: cp cannot get through
)

func (l line) String() string { return [...]string{"once", "every", "never"}[l] }

// A trial is one copy over a bad line.
type trial struct {
	index    int
	spdy     bool
	up, tree bool
	kind     faultproxy.Kind
	line     line
	existing bool // something else has the name already
	random   *rand.Rand
	total    [2]int64 // what the stream carries up and down where nothing breaks

	faults []faultproxy.Fault // as far as they were made

	code int
	took time.Duration
	note string
}

func (tr *trial) wire() string {
	if tr.spdy {
		return "spdy"
	}
	return "websocket"
}

func (tr *trial) what() string {
	way, what := "down", "file"
	if tr.up {
		way = "up"
	}
	if tr.tree {
		what = "tree"
	}
	return way + " " + what
}

func (tr *trial) String() string {
	return fmt.Sprintf("trial %d: %s, %s, %s %s: %v", tr.index, tr.what(), tr.wire(), tr.kind, tr.line, tr.faults)
}

// fault is that of a stream, nil for none.
func (tr *trial) fault(stream int) *faultproxy.Fault {
	if tr.line == once && stream > 0 {
		return nil
	}
	f := faultproxy.Fault{Kind: tr.kind, Up: tr.up, Both: tr.random.IntN(2) == 0}
	if stream > 0 {
		f.Kind = []faultproxy.Kind{faultproxy.Cut, faultproxy.Reset, faultproxy.Stall}[tr.random.IntN(3)]
	}
	if tr.line != never && tr.random.IntN(4) == 0 {
		f.Up = !f.Up // the direction of the answers
	}
	total := tr.total[1]
	if f.Up {
		total = tr.total[0]
	}
	if tr.line == never {
		total /= 8 // of four attempts
	}
	f.After = tr.random.Int64N(total)
	if f.Kind == faultproxy.Stall {
		// Some lines come back before anybody has noticed, and some when the next one is at work.
		f.Wake = []time.Duration{0, 5 * time.Second, silence + 3*time.Second}[tr.random.IntN(3)]
	}
	tr.faults = append(tr.faults, f)
	return &f
}

// mayFail reports whether this line excuses a failure.
func (tr *trial) mayFail() bool {
	f := tr.faults
	return tr.line != once || len(f) > 0 && f[0].Kind == faultproxy.Stall && f[0].After < upgrade
}

// mustFail reports whether nothing can have got through. A line that wakes up early is whole.
func (tr *trial) mustFail() bool {
	return tr.line == never && !slices.ContainsFunc(tr.faults, func(f faultproxy.Fault) bool { return f.Kind == faultproxy.Stall })
}

// run does one trial, and holds it to what was promised.
func (b *bench) run(t *testing.T, tr *trial) {
	t.Helper()
	directory := strconv.Itoa(tr.index)
	before, want := b.old(t, tr, directory), b.wanted(tr)
	proxy := b.copy(t, tr, directory, tr.fault)
	struck := proxy.Struck()
	got := b.outcome(t, tr, directory)
	complain := func(format string, args ...any) {
		t.Errorf("%s\nstruck: %v, exit code %d after %s: %s\n%s", tr, struck, tr.code, tr.took.Round(time.Second/10), fmt.Sprintf(format, args...), tr.note)
	}
	switch {
	case tr.code == 0 && got != want:
		complain("SUCCESS WITH OTHER CONTENT:\n%s", got)
	case tr.code != 0 && got != want && got != before:
		complain("half of it has its name:\n%s", got)
	case tr.code != 0 && len(struck) == 0:
		complain("nothing had happened to the line")
	case tr.code != 0 && !tr.mayFail():
		complain("it did not go on")
	case tr.code == 0 && len(struck) > 0 && tr.mustFail():
		complain("nothing can have got through")
	}
	if tr.took > transferBound {
		complain("longer than %s", transferBound)
	}
	if !tr.up {
		if left, err := filepath.Glob(filepath.Join(b.local, "down", directory, ".shareproc-*")); err != nil || len(left) > 0 {
			complain("left: %q, %v", left, err)
		}
	}
}

// trials are n of them: each of the ways to break each copy comes as often as every other.
func trials(n int, seed uint64, totals map[string][2]int64) []*trial {
	all := make([]*trial, n)
	for i := range all {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		tr := &trial{index: i, random: random, spdy: i%2 == 1, up: i/2%2 == 1, tree: i/4%2 == 1, kind: faultproxy.Kind(i / 8 % 3)}
		tr.line = line((i/24 + random.IntN(3)) % 3)
		tr.existing = !tr.tree && random.IntN(2) == 0
		tr.total = totals[tr.wire()+tr.what()]
		all[i] = tr
	}
	return all
}

// number is an environment variable's, or else what is given.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// No copy that lost a byte ends with 0, nothing half-written has its name, and none hangs: 24 trials, one of each way to
// break each copy, or SHAREPROC_FAULTS of them (make test-faults). SHAREPROC_FAULTS_SEED has the seed of an earlier run.
func TestTransfersOverBadLines(t *testing.T) {
	full(t)
	t.Parallel()
	b := newBench(t)
	usual := uint64(usualSeed)
	if _, more := os.LookupEnv("SHAREPROC_FAULTS"); more {
		usual = rand.Uint64()
	}
	seed := number(t, "SHAREPROC_FAULTS_SEED", usual)
	t.Logf("SHAREPROC_FAULTS_SEED=%d", seed)
	for _, tr := range trials(8, seed, nil) {
		b.measure(t, tr)
	}
	all := trials(int(number(t, "SHAREPROC_FAULTS", 24)), seed, b.totals)
	directories := make([]string, len(all))
	for i := range all {
		directories[i] = strconv.Itoa(i)
	}
	b.prepare(t, directories...)
	begun := time.Now()
	t.Run("trials", func(t *testing.T) {
		for _, tr := range all {
			t.Run(strconv.Itoa(tr.index), func(t *testing.T) {
				t.Parallel()
				b.run(t, tr)
			})
		}
	})
	t.Log(summary(all, time.Since(begun)))
	b.holds(t, all)
}

// holds looks once more at everything that was copied up: what came late must not have got into it, and nothing that is not
// finished may stay.
func (b *bench) holds(t *testing.T, all []*trial) {
	t.Helper()
	// The helper itself waits 70 seconds for who was cut.
	if left := b.side(t, `left() { find /data -name '.shareproc-*'; }
n=0
while [ "$(left)" ] && [ "$n" -lt 150 ]; do sleep 1; n=$((n + 1)); done
left`); left != "" {
		t.Errorf("not finished, and still there:\n%s", left)
	}
	for _, tr := range all {
		if tr.up && tr.code == 0 {
			if got := b.there(t, strconv.Itoa(tr.index)); got != b.wanted(tr) {
				t.Errorf("%s: it was right, and is other now:\n%s", tr, got)
			}
		}
	}
}

// summary is a table of what became of the trials.
func summary(all []*trial, took time.Duration) string {
	type row struct{ trials, whole, failed int }
	rows := map[string]*row{}
	var slowest time.Duration
	for _, tr := range all {
		slowest = max(slowest, tr.took)
		for _, key := range []string{"all", tr.wire(), tr.what(), tr.kind.String(), tr.line.String()} {
			if rows[key] == nil {
				rows[key] = &row{}
			}
			rows[key].trials++
			if tr.code == 0 {
				rows[key].whole++
			} else {
				rows[key].failed++
			}
		}
	}
	text := fmt.Sprintf("%d trials in %s, the slowest %s\n", len(all), took.Round(time.Second), slowest.Round(time.Second/10))
	for _, key := range []string{"all", "websocket", "spdy", "down file", "down tree", "up file", "up tree", "cut", "reset", "stall", "once", "every", "never"} {
		if r := rows[key]; r != nil {
			text += fmt.Sprintf("%-10s %4d trials: %4d whole, %4d failed\n", key, r.trials, r.whole, r.failed)
		}
	}
	return text
}
