package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// cast runs this program as other processes, as their operators would.
type cast struct {
	self, dir string
	mu        sync.Mutex
	running   []*process
}

// process is a command in the background. Its output is in memory and in a file.
type process struct {
	name string
	cmd  *exec.Cmd
	out  *output
	done chan struct{}
	err  error
}

// output collects what a process writes, for others to read meanwhile.
type output struct {
	mu   sync.Mutex
	b    bytes.Buffer
	file *os.File
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Write(p)
	return o.file.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// command is this program with arguments; it is asked to end when ctx ends.
func (c *cast) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.self, args...)
	cmd.Args[0] = "qunxiang"
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	return cmd
}

// run runs a command to its end and gives what it printed.
func (c *cast) run(ctx context.Context, args ...string) ([]byte, error) {
	out, errs, code, err := c.try(ctx, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("qunxiang %s: exit %d: %s", strings.Join(args[:2], " "), code, strings.TrimSpace(errs))
	}
	return out, err
}

// try runs a command that may be refused, and gives its exit code.
func (c *cast) try(ctx context.Context, args ...string) (out []byte, errs string, code int, err error) {
	var stdout, stderr bytes.Buffer
	cmd := c.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		err = nil
	}
	return stdout.Bytes(), stderr.String(), cmd.ProcessState.ExitCode(), err
}

// start runs a command in the background, with its output in a file of its name.
func (c *cast) start(ctx context.Context, name string, args ...string) (*process, error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(c.dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: c.command(ctx, args...), out: &output{file: file}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	go func() {
		defer close(p.done)
		p.err = errors.Join(p.cmd.Wait(), file.Close())
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = append(c.running, p)
	return p, nil
}

// wait waits for the end; an error has the last line of what was printed.
func (p *process) wait() error {
	<-p.done
	if p.err != nil {
		return fmt.Errorf("%s: %w: %s", p.name, p.err, lastLine(p.out.String()))
	}
	return nil
}

// over says whether the process has ended.
func (p *process) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop asks the process to end, and waits.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
}

// says waits for one JSON document of the process.
func (p *process) says(ctx context.Context, into any) error {
	for ctx.Err() == nil {
		if json.NewDecoder(strings.NewReader(p.out.String())).Decode(into) == nil {
			return nil
		}
		if p.over() {
			return p.wait()
		}
		rest(ctx, 20*time.Millisecond)
	}
	return ctx.Err()
}

// end stops everything that still runs.
func (c *cast) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.running {
		p.stop()
	}
}

// lastLine is the last line that is not empty.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// after is a text from a mark on.
func after(s, mark string) string {
	if _, rest, ok := strings.Cut(s, mark); ok {
		return mark + rest
	}
	return s
}
