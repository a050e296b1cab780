package child

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/sandbox"
)

// Place is where a process finds its data.
type Place struct {
	Domain   string // "" = there are none: orders are checked only
	TempDir  string // its own; "" = it may not spill
	OptOuts  func(epoch int64) ([][16]byte, error)
	Snapshot string
	Memory   int64 // the most it may have, in bytes; 0 = no limit
}

// Worker is the process: what it compiles orders from, and what answers them.
type Worker struct {
	// Catalog finds a template, as [queries.LoadTemplate] does.
	Catalog func(ref string) (*queries.Catalog, error)
	// Open makes what answers, once the process is shut in. It need not be closed:
	// the process ends.
	Open func(Place) (queries.Answerer, error)
}

// Exit codes of a process; nobody but a test looks at them.
const (
	exitDone = iota
	exitStart
	exitSandbox
	exitEngine
	exitWire
	exitAnswer
)

// Main is the main function of a process that [New]'s Command runs. args are its
// arguments, the name of the program first. It gives the exit code.
func (w Worker) Main(args []string) int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM) // whoever stops a server stops it, and the requests come to their slots
	in, out := os.Stdin, os.Stdout
	var l launch
	if err := receive(in, maxLaunch, &l); err != nil {
		return exitStart
	}
	version := 0
	if sandbox.Stages > 1 {
		last, stage := stage(args)
		if stage == 1 {
			_ = sandbox.Enter(l.options(), append(args, confined)...)
			return exitSandbox // it comes back only if it cannot
		}
		version = last
	}
	report, err := sandbox.Seal(l.options(), version)
	if err != nil {
		return exitSandbox
	}
	if err := send(out, hello{report}); err != nil {
		return exitWire
	}
	return w.serve(l, in, out)
}

// confined stands before the version of Landlock, in the second stage.
const confined = "confined"

// stage tells from the arguments which stage this is.
func stage(args []string) (version, stage int) {
	if n := len(args); n > 2 && args[n-2] == confined {
		if v, err := strconv.Atoi(args[n-1]); err == nil {
			return v, 2
		}
	}
	return 0, 1
}

// serve answers one order, or checks orders until there are no more.
func (w Worker) serve(l launch, in io.Reader, out io.Writer) int {
	people := &optOuts{}
	engine, err := w.Open(Place{Domain: l.Domain, TempDir: l.Temp, OptOuts: people.before, Snapshot: l.Snapshot, Memory: l.Memory})
	if err != nil {
		return exitEngine
	}
	for {
		var a asked
		if err := receive(in, maxAsked, &a); err != nil {
			return exitDone // the parent has no more, or has gone
		}
		if a.Do == doReady {
			if err := send(out, said{ID: a.ID, OK: l.ready()}); err != nil {
				return exitWire
			}
			continue
		}
		if !w.understands(l, &a) {
			return exitAnswer
		}
		if a.Do == doCheck {
			if err := send(out, checked(engine, &a)); err != nil {
				return exitWire
			}
			continue
		}
		people.set(a.Order.Epoch, a.OptOuts)
		table, err := answer(engine, &a, in)
		if err != nil {
			return exitAnswer // whatever it says may quote data
		}
		if err := send(out, said{ID: a.ID, OK: true, Table: table}); err != nil {
			return exitWire
		}
		return exitDone // one order, one draw
	}
}

// ready says whether a process can read the files it is to read, and write where it
// is to write.
func (l launch) ready() bool {
	files, err := os.ReadDir(l.Folder)
	if err != nil {
		return false
	}
	paths := []string{dataset.DataPath(l.Domain, l.Snapshot)} // it must be there
	for _, f := range files {
		paths = append(paths, filepath.Join(l.Folder, f.Name()))
	}
	for _, path := range paths {
		r, err := os.Open(path)
		if err != nil {
			return false
		}
		_ = r.Close()
	}
	if l.Temp == "" {
		return true
	}
	temp, err := os.MkdirTemp(l.Temp, "ready-")
	return err == nil && os.Remove(temp) == nil
}

// understands compiles the order, which must come to what its seal says, for the
// one snapshot that is there.
func (w Worker) understands(l launch, a *asked) bool {
	if a.Order == nil || a.Order.Seal == "" {
		return false
	}
	catalog, err := w.Catalog(a.Order.Template)
	if err != nil || catalog.Follow(a.Order) != nil {
		return false
	}
	switch a.Do {
	case doAnswer:
		return l.Snapshot != "" && a.Order.Source.Snapshot == l.Snapshot && len(a.OptOuts)%16 == 0
	case doCheck:
		return l.Snapshot == ""
	}
	return false
}

// answer stops where the parent goes away.
func answer(engine queries.Answerer, a *asked, in io.Reader) (*dp.Table, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = in.Read(make([]byte, 1)) // nothing more is sent: this is the end
		os.Exit(exitWire)
	}()
	return engine.Answer(ctx, a.Order)
}

// checked says what is wrong with an order. The process has no data, so that the
// words are of the SQL.
func checked(engine queries.Answerer, a *asked) said {
	if err := engine.Check(context.Background(), a.Order); err != nil {
		return said{ID: a.ID, Refused: err.Error()}
	}
	return said{ID: a.ID, OK: true}
}

// optOuts are who opted out before the epoch of the one order.
type optOuts struct {
	mu    sync.Mutex
	epoch int64
	keys  []byte
}

func (o *optOuts) set(epoch int64, keys []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.epoch, o.keys = epoch, keys
}

func (o *optOuts) before(epoch int64) ([][16]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if epoch != o.epoch {
		return nil, errWire
	}
	out := make([][16]byte, len(o.keys)/16)
	for i := range out {
		copy(out[i][:], o.keys[16*i:])
	}
	return out, nil
}
