package child

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/sandbox"
)

// ErrProcess means that a process came to no answer. It says nothing more: why is
// data.
var ErrProcess = errors.New("the engine's process came to no answer")

// ErrReach means that a process cannot read the snapshot, or write where it may spill.
var ErrReach = errors.New("the engine's process cannot read the snapshot or write to its temporary folder: they must belong to the user who serves")

// Mode says how much a process must be shut in.
type Mode string

// The modes. A process is a process of its own, with limits, in all of them.
const (
	Auto     Mode = "auto"     // as far as the system can
	Required Mode = "required" // wholly, or nothing is answered
	Off      Mode = "off"      // not at all
)

// Options are what an Answerer is made of.
type Options struct {
	// Command is this program with what makes it call [Worker.Main]; required.
	// Program is its file; "" = the running program's own.
	Program string
	Command []string
	// Domain is the directory that holds the snapshots. Required.
	Domain string
	// Temp makes an empty folder for one process, which is removed after it; nil =
	// processes may not spill.
	Temp func() (string, error)
	// OptOuts lists the psn_keys of everyone who opted out before the epoch; nil =
	// nobody ever does.
	OptOuts func(epoch int64) ([][16]byte, error)
	// Sandbox is the mode; default Auto.
	Sandbox Mode
	// Memory is the most private memory of one process, in bytes; 0 = 4 GiB, below 0
	// no limit.
	Memory int64
}

// DefaultMemory is the most private memory of one process, in bytes.
const DefaultMemory = 4 << 30

// checkTime is the longest that the proof of one template's SQL may take.
const checkTime = 30 * time.Second

// Answerer answers orders, each in a process of its own. It is safe for concurrent
// use. How many run at once is for its caller to limit: a [queries.Runner] does.
type Answerer struct {
	o      Options
	report sandbox.Report
	starts *starter

	mu      sync.Mutex
	checker *process // nil: none, or it has failed
	spare   *started // for the next answer: started before its charge; nil: none
}

// started is a process that has a snapshot and was asked nothing.
type started struct {
	*process
	snapshot string
	gone     func() // leaves nothing of it
}

var _ queries.Answerer = (*Answerer)(nil)

// New starts the process that checks orders, and sees how it is shut in. Errors:
// sandbox.ErrSandbox where it must be and is not; ErrProcess where it does not start.
func New(ctx context.Context, o Options) (*Answerer, error) {
	if o.Sandbox == "" {
		o.Sandbox = Auto
	}
	if o.Sandbox != Auto && o.Sandbox != Required && o.Sandbox != Off {
		return nil, fmt.Errorf("%w: the mode is %s, %s or %s", sandbox.ErrSandbox, Auto, Required, Off)
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	var err error
	if o.Domain, err = filepath.Abs(o.Domain); err != nil {
		return nil, err
	}
	if len(o.Command) == 0 {
		return nil, fmt.Errorf("%w: no command", ErrProcess)
	}
	a := &Answerer{o: o, starts: newStarter()}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if a.checker, a.report, err = a.start(ctx, launch{}); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// Sandbox tells how processes are shut in.
func (a *Answerer) Sandbox() sandbox.Report { return a.report }

// Close ends every process.
func (a *Answerer) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.checker != nil {
		a.checker.end()
		a.checker = nil
	}
	if a.spare != nil {
		a.spare.gone()
		a.spare = nil
	}
	a.starts.close() // the processes go with the thread that started them
	return nil
}

// start starts a process and has its first word. What is not shut in as the first
// process was, or as it must be, is ended again.
func (a *Answerer) start(ctx context.Context, l launch) (*process, sandbox.Report, error) {
	l.Memory, l.Off = max(0, a.o.Memory), a.o.Sandbox == Off
	p, err := a.starts.start(a.o)
	if err != nil {
		return nil, sandbox.Report{}, ErrProcess
	}
	stop := context.AfterFunc(ctx, p.kill)
	defer stop()
	var h hello
	if err := p.greeted(l, &h); err != nil {
		p.end()
		return nil, sandbox.Report{}, ErrProcess
	}
	if a.o.Sandbox == Required && !h.Sandbox.Whole() {
		p.end()
		return nil, sandbox.Report{}, fmt.Errorf("%w: %s", sandbox.ErrSandbox, h.Sandbox)
	}
	if a.report != (sandbox.Report{}) && h.Sandbox != a.report {
		p.end()
		return nil, sandbox.Report{}, ErrProcess
	}
	return p, h.Sandbox, nil
}

// Answer implements [queries.Answerer]: a process for this one order. It is over
// when ctx is. The error is ErrProcess, whatever went wrong.
func (a *Answerer) Answer(ctx context.Context, o *queries.Order) (*dp.Table, error) {
	keys, err := a.optOuts(o.Epoch)
	if err != nil {
		return nil, ErrProcess
	}
	p, err := a.take(ctx, o.Source.Snapshot)
	if err != nil {
		return nil, ErrProcess
	}
	defer p.gone()
	stop := context.AfterFunc(ctx, p.kill)
	defer stop()
	s, err := p.ask(asked{ID: newID(), Do: doAnswer, Order: o, OptOuts: keys})
	if err != nil || !s.OK || s.Refused != "" || o.Plan().Check(s.Table) != nil || !p.ended() {
		return nil, ErrProcess
	}
	return s.Table, nil
}

// with starts a process with a snapshot.
func (a *Answerer) with(ctx context.Context, snapshot string) (*started, error) {
	l := launch{Domain: a.o.Domain, Snapshot: snapshot, Folder: filepath.Dir(dataset.DataPath(a.o.Domain, snapshot))}
	temp := ""
	var err error
	if a.o.Temp != nil {
		if temp, err = a.o.Temp(); err != nil {
			return nil, err
		}
		if l.Temp, err = filepath.Abs(temp); err != nil { // a process works elsewhere
			remove(temp)
			return nil, err
		}
	}
	p, _, err := a.start(ctx, l)
	if err != nil {
		remove(temp)
		return nil, err
	}
	return &started{p, snapshot, func() { p.end(); remove(temp) }}, nil
}

// prepare has a process for the next answer, if there is none. What it takes to
// start one is then not taken from the slot. a.mu is held.
func (a *Answerer) prepare(ctx context.Context, snapshot string) error {
	if a.spare != nil && a.spare.snapshot == snapshot {
		return nil
	}
	if a.spare != nil {
		a.spare.gone()
		a.spare = nil
	}
	p, err := a.with(ctx, snapshot)
	if err == nil {
		a.spare = p
	}
	return err
}

// take gives the prepared process, which is then nobody else's, or a new one. One
// that has ended since it was prepared was asked nothing, and counts for none.
func (a *Answerer) take(ctx context.Context, snapshot string) (*started, error) {
	a.mu.Lock()
	p := a.spare
	if p != nil && p.snapshot == snapshot {
		a.spare = nil
		a.mu.Unlock()
		if p.ready(ctx) == nil {
			return p, nil
		}
		p.gone()
	} else {
		a.mu.Unlock()
	}
	return a.with(ctx, snapshot)
}

// ready asks whether the snapshot is in reach.
func (p *started) ready(ctx context.Context) error {
	stop := context.AfterFunc(ctx, p.kill)
	defer stop()
	s, err := p.ask(asked{ID: newID(), Do: doReady})
	if err != nil {
		return ErrProcess
	}
	if !s.OK {
		return ErrReach
	}
	return nil
}

// Try sees whether a process can reach a snapshot: where it cannot, requests would
// be charged and abandoned. ErrProcess where it does not start, ErrReach where it
// cannot reach it.
func (a *Answerer) Try(ctx context.Context, snapshot string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.try(ctx, snapshot)
}

// try prepares a process and asks it. One that was prepared before may have died since:
// then it is another one's turn. a.mu is held.
func (a *Answerer) try(ctx context.Context, snapshot string) error {
	for {
		before := a.spare
		if err := a.prepare(ctx, snapshot); err != nil {
			return err
		}
		err := a.spare.ready(ctx)
		if err == nil {
			return nil
		}
		old := a.spare == before
		a.spare.gone()
		a.spare = nil
		if !old || !errors.Is(err, ErrProcess) {
			return err
		}
	}
}

// ended says whether a process has nothing more to say and ends well.
func (p *process) ended() bool {
	n, err := p.out.Read(make([]byte, 1))
	return n == 0 && err == io.EOF && p.wait() == nil
}

func (a *Answerer) optOuts(epoch int64) ([]byte, error) {
	if a.o.OptOuts == nil {
		return nil, nil
	}
	list, err := a.o.OptOuts(epoch)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, 16*len(list))
	for _, k := range list {
		out = append(out, k[:]...)
	}
	return out, nil
}

// Check implements [queries.Answerer], by a process that has no data. What it finds
// is told; queries.ErrNoEngine where it cannot be asked.
func (a *Answerer) Check(ctx context.Context, o *queries.Order) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	used := a.checker != nil // it may have died of anything since it was asked last
	s, err := a.check(ctx, o)
	if err != nil && used {
		s, err = a.check(ctx, o)
	}
	if err != nil {
		return queries.ErrNoEngine
	}
	if !s.OK {
		return errors.New(s.Refused)
	}
	if a.try(ctx, o.Source.Snapshot) != nil { // what cannot be answered is not to be charged
		return queries.ErrNoEngine
	}
	return nil
}

// check asks the process that checks, or a new one. One that fails is ended and
// never asked again.
func (a *Answerer) check(ctx context.Context, o *queries.Order) (said, error) {
	if a.checker == nil {
		p, _, err := a.start(ctx, launch{})
		if err != nil {
			return said{}, err
		}
		a.checker = p
	}
	stop := context.AfterFunc(ctx, a.checker.kill)
	s, err := a.checker.ask(asked{ID: newID(), Do: doCheck, Order: o})
	if !stop() || err != nil || s.Table != nil || s.OK != (s.Refused == "") {
		a.checker.end()
		a.checker = nil
		return said{}, ErrProcess
	}
	return s, nil
}

func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}
