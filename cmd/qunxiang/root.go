package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// Exit codes, so that scripts can tell what happened.
const (
	exitOK      = 0
	exitFailed  = 1 // something went wrong here
	exitUsage   = 2 // the command line or a parameter is wrong
	exitRefused = 3 // policy or budget refuses: nothing was charged
	exitBusy    = 4 // another process holds the domain
	exitInvalid = 5 // a check found something: lint, verify
	exitStopped = 6 // a training job has stopped without a model
)

// exitError carries an exit code; err may be nil where all was said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// withCode gives an error of the layers below its exit code.
func withCode(err error) error {
	if err == nil {
		return nil
	}
	var e *exitError
	if errors.As(err, &e) {
		return err
	}
	var refusal *policy.Refusal
	var problem *api.Problem
	code := exitFailed
	switch {
	case errors.As(err, &refusal), errors.As(err, &problem) && problem.Rule != "", errors.Is(err, ledger.ErrBudget), errors.Is(err, queries.ErrMostlyEmpty), errors.Is(err, queries.ErrPrice), errors.Is(err, queries.ErrSuspended),
		errors.Is(err, ledger.ErrApproval), errors.Is(err, ledger.ErrRetention), errors.Is(err, ledger.ErrSupervised), errors.Is(err, ledger.ErrQuorum), errors.Is(err, ledger.ErrClock):
		code = exitRefused
	case errors.Is(err, ledger.ErrInUse):
		code = exitBusy
	case errors.Is(err, queries.ErrParameter), errors.Is(err, queries.ErrAccuracy), errors.Is(err, queries.ErrUnknownTemplate), errors.Is(err, queries.ErrTemplate):
		code = exitUsage
	}
	if errors.Is(err, ledger.ErrUnmet) {
		err = fmt.Errorf("%w. %s", err, unmetHelp)
	}
	return &exitError{code, err}
}

// version is set at release builds with -ldflags.
var version = "development"

func root() *cobra.Command {
	// The noise library logs through glog, which would make files in the
	// temporary directory; nothing may be written there.
	_ = flag.Set("logtostderr", "true")
	c := &cobra.Command{
		Use:   "qunxiang",
		Short: "Group statistics from medical-insurance data, with differential privacy",
		Long: `Qunxiang answers approved questions about insured groups inside an authority's
own data domain. Every answer carries noise, meets a threshold, is charged to a
privacy budget before data is read, and is proven in a tamper-evident log.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by policy or budget
(nothing was charged), 4 the domain is in use, 5 a check found something, 6 a
training job has stopped without a model; federated verify has its own, see there.`,
		Example:       "  qunxiang demo --once",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} })
	c.AddCommand(demoCommand(), serveCommand(), dataCommand(), tokenCommand(), templateCommand(),
		queryCommand(), ledgerCommand(), auditCommand(), approveCommand(), grantCommand(), keyCommand(), deleteCommand(), superviseCommand(), registerCommand(), witnessCommand(),
		backupCommand(), restoreCommand(),
		nodeCommand(), federatedCommand(), benchCommand(), manCommand(), versionCommand())
	c.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		printSafely(c)
		return seeHelp(c, c.ValidateRequiredFlags())
	}
	sayUsage(c)
	completions(c)
	return c
}

// seeHelp makes wrong usage of an error about a command's line, and says where to look.
func seeHelp(c *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
}

// sayUsage makes every command refuse what it does not take, with the exit code of wrong
// usage; a command that only has others would print its help and succeed.
func sayUsage(c *cobra.Command) {
	for _, sub := range c.Commands() {
		sayUsage(sub)
	}
	takes := c.Args
	if takes == nil {
		takes = cobra.ArbitraryArgs
	}
	if !c.Runnable() {
		takes = cobra.NoArgs
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 0 && c.HasSubCommands() {
			c.SuggestionsMinimumDistance = 2
			near := ""
			if s := c.SuggestionsFor(args[0]); len(s) > 0 {
				near = ": perhaps " + strings.Join(s, " or ")
			}
			return seeHelp(c, fmt.Errorf("there is no command %q of %s%s", args[0], c.CommandPath(), near))
		}
		return seeHelp(c, takes(c, args))
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  qunxiang version",
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write([]byte("qunxiang " + version + "\n"))
			return err
		},
	}
}
