// Command qunxiang runs a medical-insurance data domain: it loads data, answers
// approved questions about insured groups with differential privacy, serves
// them over HTTP, and checks the log of what was released.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/qunxiang/qunxiang/queries/duckdb"
)

func main() { os.Exit(run()) }

// run is main with an exit code, so that tests can call the program in their
// own process.
func run() int {
	if !duckdb.Built {
		fmt.Fprintln(os.Stderr, "qunxiang: built without its engine; build it with: go build -tags duckdb_arrow ./cmd/qunxiang")
		return exitFailed
	}
	if isEngine(os.Args) {
		return engineProcess(os.Args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := root().ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var e *exitError
	if errors.As(err, &e) {
		if e.err != nil {
			fmt.Fprintln(&safeWriter{w: os.Stderr}, "qunxiang:", e.err)
		}
		return e.code
	}
	fmt.Fprintln(&safeWriter{w: os.Stderr}, "qunxiang:", err)
	return exitFailed
}
