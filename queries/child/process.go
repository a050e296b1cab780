package child

import (
	"os"
	"os/exec"
	"runtime"
	"sync"

	"github.com/qunxiang/qunxiang/queries/sandbox"
)

// process is a running process of this program.
type process struct {
	cmd  *exec.Cmd
	in   *os.File // it reads
	out  *os.File // it writes
	once sync.Once
	err  error // of its end
}

// greeted sends what each stage of the start reads, and has the first word.
func (p *process) greeted(l launch, h *hello) error {
	for range sandbox.Stages {
		if err := send(p.in, l); err != nil {
			return err
		}
	}
	return receive(p.out, maxHello, h)
}

// ask sends a question and has what is said to it.
func (p *process) ask(a asked) (said, error) {
	var s said
	if err := send(p.in, a); err != nil {
		return s, err
	}
	if err := receive(p.out, maxSaid, &s); err != nil {
		return s, err
	}
	if s.ID != a.ID {
		return s, errWire
	}
	return s, nil
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }

func (p *process) wait() error {
	p.once.Do(func() { p.err = p.cmd.Wait() })
	return p.err
}

// end ends the process, if it has not ended, and leaves nothing of it.
func (p *process) end() {
	p.kill()
	_ = p.wait()
	_ = p.in.Close()
	_ = p.out.Close()
}

// remove removes a process' temporary folder: what was spilled there is un-noised.
func remove(temp string) {
	if temp != "" {
		_ = os.RemoveAll(temp)
	}
}

// starter starts processes from one thread of its own, which lives as long as it
// does: where the system ends a process with its parent, it means the thread.
type starter struct {
	work chan func()
	once sync.Once
	done chan struct{}
}

func newStarter() *starter {
	s := &starter{work: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // and ends with it
		for {
			select {
			case f := <-s.work:
				f()
			case <-s.done:
				return
			}
		}
	}()
	return s
}

func (s *starter) close() { s.once.Do(func() { close(s.done) }) }

func (s *starter) start(o Options) (p *process, err error) {
	started := make(chan struct{})
	begin := func() {
		defer close(started)
		p, err = start(o)
	}
	select {
	case s.work <- begin:
		<-started
		return p, err
	case <-s.done:
		return nil, ErrProcess
	}
}

// start runs the program with two pipes, no environment and nothing else.
func start(o Options) (*process, error) {
	program := o.Program
	if program == "" {
		var err error
		if program, err = ownProgram(); err != nil {
			return nil, err
		}
	}
	hisIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer hisIn.Close()
	out, hisOut, err := os.Pipe()
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	defer hisOut.Close()
	c := &exec.Cmd{
		Path: program, Args: o.Command, Env: []string{}, Dir: string(os.PathSeparator),
		Stdin: hisIn, Stdout: hisOut, // what it says of errors may quote data, and goes nowhere
		SysProcAttr: attributes(),
	}
	if err := c.Start(); err != nil {
		_ = in.Close()
		_ = out.Close()
		return nil, err
	}
	return &process{cmd: c, in: in, out: out}, nil
}
