package federated

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// process is a coordinator in a process of its own, and a Transport to it.
type process struct {
	dir    string // all that it writes, with its log
	cmd    *exec.Cmd
	client *rpc.Client
}

const processDir = "QUNXIANG_TEST_COORDINATOR"

// startCoordinator runs the test program again as the coordinator of the world's card.
func (w *world) startCoordinator() *process {
	w.t.Helper()
	p := &process{dir: filepath.Join(w.dir, "process")}
	must(w.t, os.MkdirAll(p.dir, 0o700))
	card, err := w.card.JSON()
	must(w.t, err)
	must(w.t, os.WriteFile(filepath.Join(p.dir, "start.json"), card, 0o600))
	must(w.t, os.WriteFile(filepath.Join(p.dir, "seed"), w.coord.Seed(), 0o600))
	p.cmd = exec.Command(os.Args[0], "-test.run=^TestCoordinatorProcess$")
	p.cmd.Env = append(os.Environ(), processDir+"="+p.dir, "GOGC=off")
	in, err := p.cmd.StdinPipe()
	must(w.t, err)
	out, err := p.cmd.StdoutPipe()
	must(w.t, err)
	log, err := os.Create(filepath.Join(p.dir, "log"))
	must(w.t, err)
	p.cmd.Stderr = log
	must(w.t, p.cmd.Start())
	p.client = rpc.NewClient(pipes{out, in})
	w.t.Cleanup(func() {
		_ = p.client.Close()
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		_ = log.Close()
	})
	return p
}

type pipes struct {
	io.ReadCloser
	io.Writer
}

func (p pipes) Close() error {
	if c, ok := p.Writer.(io.Closer); ok {
		return errors.Join(c.Close(), p.ReadCloser.Close())
	}
	return p.ReadCloser.Close()
}

// call gives the errors that a node looks at their identity back.
func (p *process) call(method string, args, reply any) error {
	err := p.client.Call("Served."+method, args, reply)
	if err == nil {
		return nil
	}
	for _, e := range []error{
		ErrRefused, ErrApproval, ErrWire, secagg.ErrEvidence, secagg.ErrContext, secagg.ErrOrder, secagg.ErrWire, secagg.ErrRoster,
		secagg.ErrSignature, secagg.ErrCommitment,
	} {
		if strings.Contains(err.Error(), e.Error()) {
			return fmt.Errorf("%w: %v", e, err)
		}
	}
	return err
}

func (p *process) Post(_ context.Context, x Posting) error { return p.call("Post", x, new(bool)) }

func (p *process) Poll(_ context.Context, from Place) ([]Item, Place, error) {
	var f Feed
	err := p.call("Poll", from, &f)
	return f.Items, f.Next, err
}

func (p *process) Fetch(_ context.Context, at Place) (b []byte, err error) {
	err = p.call("Fetch", at, &b)
	return b, err
}

// Served is the coordinator as the process serves it; it logs all it can say.
type Served struct {
	mu   sync.Mutex
	c    *Coordinator
	dir  string
	kept [][]byte
}

// Feed is what a poll gives.
type Feed struct {
	Items []Item
	Next  Place
}

func (s *Served) log(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().Format(time.RFC3339Nano), fmt.Sprintf(format, args...))
}

// Post logs what is posted but for the bytes.
func (s *Served) Post(x Posting, _ *bool) error {
	err := s.c.Post(x)
	s.log("post %d of attempt %d: %d bytes, %v; %+v", x.Sort, x.Attempt, len(x.Body), err, s.c.Status())
	return err
}

// Poll logs the place.
func (s *Served) Poll(from Place, f *Feed) (err error) {
	f.Items, f.Next, err = s.c.Poll(from)
	s.log("poll %v to %v: %v", from, f.Next, err)
	return err
}

// Fetch logs the place.
func (s *Served) Fetch(at Place, b *[]byte) (err error) {
	*b, err = s.c.Fetch(at)
	s.log("fetch %v: %d bytes, %v", at, len(*b), err)
	return err
}

// Leak does on purpose what must not happen.
func (s *Served) Leak(b []byte, _ *bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, b)
	s.log("a slip: %s", b)
	return os.WriteFile(filepath.Join(s.dir, "slip"), b, 0o600)
}

// TestCoordinatorProcess is the coordinator's process, where it is started as one.
func TestCoordinatorProcess(t *testing.T) {
	dir := os.Getenv(processDir)
	if dir == "" {
		return
	}
	text, err := os.ReadFile(filepath.Join(dir, "start.json"))
	must(t, err)
	seed, err := os.ReadFile(filepath.Join(dir, "seed"))
	must(t, err)
	card, err := ReadCard(text)
	must(t, err)
	c, err := OpenCoordinator(CoordinatorOptions{Dir: filepath.Join(dir, "job"), Card: card, Key: ed25519.NewKeyFromSeed(seed)})
	must(t, err)
	go func() {
		for range time.Tick(5 * time.Millisecond) {
			if err := c.Tick(); err != nil {
				panic(err)
			}
		}
	}()
	server := rpc.NewServer()
	must(t, server.Register(&Served{c: c, dir: dir}))
	server.ServeConn(pipes{os.Stdin, os.Stdout})
	os.Exit(0)
}
