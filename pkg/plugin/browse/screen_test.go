// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/output"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/browse/place"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/files"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/inspect"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/pick"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/proc"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/remote/process"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/session"
)

var update = flag.Bool("update", false, "write the golden screens")

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// A world is a place made up: directories by path, contents by path.
type world struct {
	dirs   map[string][]place.Item
	text   map[string]string
	stamps map[string]time.Time
	err    error
	asked  []string
}

func (w *world) List(_ context.Context, dir string) (place.Listing, error) {
	w.asked = append(w.asked, "list "+dir)
	items, ok := w.dirs[dir]
	switch {
	case w.err != nil:
		return place.Listing{}, w.err
	case !ok:
		return place.Listing{}, &fs.PathError{Op: "open", Path: dir, Err: fs.ErrNotExist}
	}
	return place.Listing{Path: dir, Items: items, Stamp: w.stamps[dir]}, nil
}

func (w *world) Stamp(_ context.Context, dir string) (time.Time, error) {
	w.asked = append(w.asked, "stamp "+dir)
	if _, ok := w.dirs[dir]; !ok && w.err == nil {
		return time.Time{}, fs.ErrNotExist
	}
	return w.stamps[dir], w.err
}

func (w *world) Look(_ context.Context, name string, _ int64, kernel bool) (place.Head, error) {
	w.asked = append(w.asked, fmt.Sprint("look ", name, " ", kernel))
	if w.err != nil {
		return place.Head{}, w.err
	}
	for _, it := range w.dirs[path.Dir(name)] {
		switch {
		case it.Name != path.Base(name):
		case it.Target != "":
			return w.Look(context.Background(), it.Target, 0, kernel)
		case it.Kernel && !kernel:
			return place.Head{Path: name, Item: it, Note: "a file of the kernel's: v opens it"}, nil
		default:
			return place.Head{Path: name, Item: it, Begin: []byte(w.text[name]), Opened: !it.IsDir()}, nil
		}
	}
	return place.Head{}, fs.ErrNotExist
}

func file(name string, size int64) place.Item {
	it := place.Named(name)
	it.Perm, it.Size, it.Blocks, it.Links, it.User, it.Group = 0o100644, size, (size+511)/512, 1, "root", "root"
	it.Time = time.Date(2026, 11, 29, 14, 30, 0, 0, time.UTC)
	return it
}

func kind(it place.Item, mode fs.FileMode, perm uint32) place.Item {
	it.Mode, it.Perm = mode, perm
	return it
}

// newWorld is a container like many others.
func newWorld() *world {
	changed, link, big, hard := file("nginx.conf", 1532), kind(file("abs-link.conf", 21), fs.ModeSymlink, 0o120777), file("core", 5<<30), file("mime.types", 5349)
	changed.Change, link.Target, big.Blocks, hard.Links = proc.Changed, "/etc/nginx/nginx.conf", 2048, 3
	status := file("status", 0)
	status.Kernel = true
	proc := kind(file("proc", 0), fs.ModeDir, 0o040555)
	proc.Kernel = true
	return &world{
		dirs: map[string][]place.Item{
			"/":          {kind(file("etc", 0), fs.ModeDir, 0o040755), proc, kind(file("tmp", 0), fs.ModeDir, 0o041777), file(".hidden", 3)},
			"/etc":       {kind(file("nginx", 0), fs.ModeDir, 0o040755), link, file("passwd", 1024), kind(file("pipe", 0), fs.ModeNamedPipe, 0o010600)},
			"/etc/nginx": {big, hard, changed, file("日本語の名前.conf", 7), file("evil\x1b[2J\n\u202e", 4)},
			"/proc":      {status},
			"/tmp":       {},
		},
		text: map[string]string{
			"/etc/nginx/nginx.conf": "worker_processes  1;\nevents {\n\tworker_connections 1024;\n}\n\x1b]0;owned\x07\n" + strings.Repeat("# line\n", 100) + "the needle\n",
			"/etc/passwd":           "root:x:0:0:root:/root:/sbin/nologin\n",
			"/etc/nginx/core":       "\x7fELF\x02\x01\x01\x00\x00binary\xff\xfe",
		},
		stamps: map[string]time.Time{},
	}
}

// A stage is a model on which keys are typed. Commands are done at once, but for those that wait: teatest would run them behind the
// test's back, poll what a renderer wrote by the clock, and hold the test to a second.
type stage struct {
	*model
	world *world
	waits []tea.Msg
	ran   []string
	to    string // where something was copied
	// refused is why nothing is opened or listed.
	refused error
}

func newStage(t *testing.T, width, height int) *stage {
	t.Helper()
	s := &stage{world: newWorld()}
	m := &model{ctx: t.Context(), home: "shop", width: width, height: height, colored: true, visited: map[place.Spot]*pane{}}
	m.later = func(_ time.Duration, msg tea.Msg) tea.Cmd {
		s.waits = append(s.waits, msg)
		return nil
	}
	m.panes[0] = m.known(place.Opened{
		Spot: place.Spot{Namespace: "shop", Pod: "web", Container: "nginx"}, Place: s.world, Title: "pod/web nginx (root)", Dir: "/etc",
		Containers: []string{"nginx", "sidecar"},
	})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "local.txt"), []byte("here"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.desktop = newPane(place.Desk{}, "this machine", filepath.ToSlash(dir))
	m.panes[1] = m.desktop
	m.does = s.deeds()
	s.model = m
	s.do(finder{m}.list(m.panes[0], "/etc"))
	return s
}

// deeds note what is asked of them.
func (s *stage) deeds() deeds {
	return deeds{
		command: func(_ context.Context, namespace string, args ...string) (string, error) {
			if namespace != "shop" {
				args = append(args, "-n", namespace)
			}
			s.ran = append(s.ran, strings.Join(args, " "))
			return "PID  FD\n1    7\x1b[2J\n", nil
		},
		terminal: func(_ string, args ...string) tea.Cmd {
			s.ran = append(s.ran, "terminal "+strings.Join(args, " "))
			return nil
		},
		copy: func(ctx context.Context, from, to files.End, bar *output.Progress) error {
			s.ran = append(s.ran, fmt.Sprintf("copy %s:%s to %s", cmp.Or(from.Pod+" "+from.Container, " "), from.Path, cmp.Or(to.Pod+" "+to.Container, " ")))
			s.to = to.Path
			bar.Total.Store(100)
			bar.Add(100)
			return ctx.Err()
		},
		replica: func(_ context.Context, of place.Spot) (place.Opened, error) {
			of.Pod = "web-1"
			return place.Opened{Spot: of, Place: newWorld(), Title: "pod/web-1 nginx"}, nil
		},
		open: s.open,
		namespaces: func(context.Context) ([]string, error) {
			s.ran = append(s.ran, "namespaces")
			return []string{"default", "prod", "shop"}, s.refused
		},
		pods: func(_ context.Context, namespace string) ([]pick.Row, error) {
			if namespace != "shop" {
				s.ran = append(s.ran, "pods of "+namespace)
				return pick.Rows([]corev1.Pod{made("db", corev1.PodRunning, corev1.ContainerState{}), made("web", corev1.PodRunning, corev1.ContainerState{})}, time.Time{}), s.refused
			}
			s.ran = append(s.ran, "pods")
			return pick.Rows([]corev1.Pod{
				made("web", corev1.PodRunning, corev1.ContainerState{}), made("web-1", corev1.PodRunning, corev1.ContainerState{}),
				made("crash", corev1.PodRunning, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}),
			}, time.Time{}), s.refused
		},
	}
}

func made(name string, phase corev1.PodPhase, state corev1.ContainerState) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
		Status: corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Ready: state.Waiting == nil, State: state}}},
	}
}

// open opens anything.
func (s *stage) open(_ context.Context, at place.Spot) (place.Opened, error) {
	s.ran = append(s.ran, fmt.Sprintf("open %s %s %d", strings.TrimPrefix(at.Namespace+"/"+at.Pod, "shop/"), at.Container, at.PID))
	if s.refused != nil {
		return place.Opened{}, s.refused
	}
	at.Container = cmp.Or(at.Container, "app")
	o := place.Opened{Spot: at, Place: newWorld(), Title: strings.TrimPrefix(at.Namespace+"/", "shop/") + "pod/" + at.Pod + " " + at.Container, Dir: "/", Containers: []string{at.Container}}
	if at.Pod == "web" {
		o.Containers = []string{"nginx", "sidecar"}
	}
	if at.PID != 0 {
		o.Dir = "/tmp"
	}
	return o, nil
}

// processes makes a world a host.
func (w *world) Processes(context.Context) ([]inspect.Process, error) {
	cpu := 1.5
	return []inspect.Process{{Process: session.Process{Process: process.Process{PID: 1, Name: "nginx", Args: []string{"nginx:", "master\x1b[2J"}, State: "S", RSS: 5 << 20}}, Usage: proc.Usage{CPUPercent: &cpu}}}, w.err
}

func (w *world) Start(context.Context) error { return errors.New("not known") }

// do does commands, and hands their messages on.
func (s *stage) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			s.do(c)
		}
	default:
		_, next := s.Update(msg)
		s.do(next)
	}
}

// type types keys by their names, words by "'word".
func (s *stage) typed(keys string) *stage {
	codes := map[string]rune{
		"enter": tea.KeyEnter, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "esc": tea.KeyEscape, "backspace": tea.KeyBackspace,
		"tab": tea.KeyTab, "end": tea.KeyEnd, "home": tea.KeyHome, "pgdown": tea.KeyPgDown, "space": tea.KeySpace, "f3": tea.KeyF3, "f5": tea.KeyF5,
	}
	for key := range strings.FieldsSeq(keys) {
		if word, ok := strings.CutPrefix(key, "'"); ok {
			for _, r := range word {
				_, cmd := s.Update(tea.KeyPressMsg{Text: string(r), Code: r})
				s.do(cmd)
			}
			continue
		}
		msg := tea.KeyPressMsg{Text: key, Code: []rune(key)[0]}
		if code, ok := codes[key]; ok {
			msg = tea.KeyPressMsg{Code: code}
		}
		_, cmd := s.Update(msg)
		s.do(cmd)
	}
	return s
}

// screen is what is on the screen, without colors.
func (s *stage) screen() string {
	s.colored = false
	text := s.View().Content
	return strings.ReplaceAll(strings.ReplaceAll(text, "\x1b[7m", ""), "\x1b[0m", "")
}

func TestGoldenScreens(t *testing.T) {
	for name, keys := range map[string]string{
		"list": "", "file": "end up", "changed": "enter end up", "view": "enter end up v", "hex": "enter v", "help": "?", "sorted": "enter s", "filter": "/ 'pas",
		"link": "down", "kernel": "h down enter", "processes": "p", "question": "end c", "both": "tab",
		"switcher": "P", "switched": "P end enter", "namespaces": "P h", "namespace": "P h up enter", "elsewhere": "P h up enter enter", "complete": "g 'n tab",
	} {
		for _, size := range [][2]int{{80, 24}, {120, 40}} {
			t.Run(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), func(t *testing.T) {
				s := newStage(t, size[0], size[1]).typed(keys)
				local := s.panes[1].Dir
				got := strings.ReplaceAll(s.screen(), remote.Escape(local), "/local"+strings.Repeat("x", max(0, len(local)-6)))
				checkScreen(t, s, size[0], size[1])
				if name == "both" || name == "question" {
					return // the directory of a test has a name of any length
				}
				golden := filepath.Join("testdata", fmt.Sprintf("%s-%dx%d.golden", name, size[0], size[1]))
				if *update {
					if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(golden, []byte(trimmed(got)), 0o644)); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil || trimmed(got) != string(want) {
					t.Errorf("%v:\n%s\nwant\n%s", err, got, want)
				}
			})
		}
	}
}

// trimmed has no blanks at the ends of lines.
func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// checkScreen holds a screen to what each of them has to be: as high as the terminal, no wider, and nothing of a target's raw.
func checkScreen(t *testing.T, s *stage, columns, rows int) {
	t.Helper()
	lines := strings.Split(s.View().Content, "\n")
	if len(lines) != rows {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if output.Width(line) > columns {
			t.Errorf("%d columns: %q", output.Width(line), line)
		}
		if strings.Contains(line, "\x1b[2J") || strings.Contains(line, "\x1b]0;") || strings.ContainsAny(line, "\u202e\x07\t\r") {
			t.Errorf("not escaped: %q", line)
		}
	}
}

// Whatever is typed at whatever size, a screen is one.
func TestEveryScreenFits(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}, {20, 4}, {200, 60}, {1, 1}} {
		for _, keys := range []string{"", "?", "enter end", "v", "enter end up v", "enter v x", "p", "p enter", "p k 'HUP enter", "tab", "tab tab", "/ 'zzz", "g '/nowhere enter", "space space c", "e", "=", "d", "s s s", ".", "P", "P esc", "P tab tab", "P / 'zz", "P end enter tab", "g tab"} {
			s := newStage(t, size[0], size[1]).typed(keys)
			if size[1] > 2 && size[0] >= 20 {
				checkScreen(t, s, size[0], size[1])
			} else {
				s.View()
			}
		}
	}
}
