package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/qunxiang/qunxiang/federated"
)

// nodeConsole tells what happens at a node: lines of a log, and on a terminal a last
// line that shows how far the job is. Nothing of the data is in either.
type nodeConsole struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	asJSON   bool
	line     string
}

func newNodeConsole(w io.Writer, asJSON bool) *nodeConsole {
	f, ok := w.(*os.File)
	return &nodeConsole{w: w, asJSON: asJSON, terminal: ok && !asJSON && term.IsTerminal(int(f.Fd()))}
}

// say writes a line of the log.
func (c *nodeConsole) say(job, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, text := time.Now().UTC(), fmt.Sprintf(format, args...)
	if c.asJSON {
		b, err := json.Marshal(struct {
			Time string `json:"time"`
			Job  string `json:"job,omitempty"`
			Text string `json:"text"`
		}{now.Format(time.RFC3339), job, text})
		if err == nil {
			fmt.Fprintf(c.w, "%s\n", b)
		}
		return
	}
	c.clear()
	if job != "" {
		job += ": "
	}
	fmt.Fprintf(c.w, "%s %s%s\n", now.Format("15:04:05"), job, text)
	c.draw()
}

// show draws how far a job is.
func (c *nodeConsole) show(job string, s federated.NodeStatus) {
	if !c.terminal {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	line := fmt.Sprintf("%s: waiting to begin", job)
	switch {
	case s.Done:
		line = fmt.Sprintf("%s: done; waiting for the ledger's slots", job)
	case s.Attempt > 0:
		line = fmt.Sprintf("%s: round %d of %d, attempt %d, %v", job, s.Round+1, s.Rounds, s.Attempt, s.Phase)
	}
	if line != c.line {
		c.clear()
		c.line = line
		c.draw()
	}
}

// end removes the last line.
func (c *nodeConsole) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	c.line = ""
}

func (c *nodeConsole) clear() {
	if c.terminal {
		fmt.Fprint(c.w, "\r\x1b[K")
	}
}

func (c *nodeConsole) draw() {
	if c.terminal {
		fmt.Fprint(c.w, c.line)
	}
}
