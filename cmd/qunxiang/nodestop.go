package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

func nodeStopCommand() *cobra.Command {
	var dir, job, why string
	var asJSON bool
	c := &cobra.Command{
		Use: "stop", Short: "Stop a job at this node for good, and tell the others why", Args: cobra.NoArgs,
		Long: `Stop a job at this node, for good. Nothing leaves from here on but a signed notice
with the reason, and as the roster is fixed the job ends for all. What was charged
stays charged. It needs no data, and works for a job that does not run. A node that
serves takes it in seconds; where none does, this command stops the job itself and tells
the coordinator if it answers.`,
		Example: `  qunxiang node stop --dir D --job 5f1c09aa --reason "a mistake in our data"`,
		RunE: func(c *cobra.Command, _ []string) error {
			return withCode(stopJob(c.Context(), dir, job, why, asJSON, c.OutOrStdout()))
		},
	}
	dirFlag(c, &dir)
	f := c.Flags()
	f.StringVar(&job, "job", "", "digest of the card, or its first eight digits (default: the only approved one)")
	f.StringVar(&why, "reason", "", "what the other owners are told; nothing about the data")
	_ = c.MarkFlagRequired("reason")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func stopJob(ctx context.Context, dir, job, why string, asJSON bool, w io.Writer) error {
	bad := func(r rune) bool { return r == '"' || r == '\\' || !unicode.IsGraphic(r) }
	if why = strings.TrimSpace(why); why == "" || len(why) > 200 || strings.ContainsFunc(why, bad) {
		return &exitError{exitUsage, errors.New("--reason must be a text of at most 200 bytes without quotes or backslashes")}
	}
	j, err := nodeFolderOf(dir).find(job)
	if err != nil {
		return err
	}
	if j.has(modelFile) {
		return &exitError{exitUsage, errors.New("the job is done: there is nothing to stop")}
	}
	if old, err := j.text(stoppedFile); err != nil || old != "" {
		return errors.Join(err, &exitError{exitUsage, fmt.Errorf("the job has stopped already: %s", old)})
	}
	if err := j.put(stopFile, []byte(why)); err != nil {
		return err
	}
	how, err := stopHere(ctx, dir, j)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(w, map[string]string{"job": j.digest.String(), "name": j.card.Job, "stopped": how, "reason": why})
	}
	_, err = fmt.Fprintf(w, "job %s %s: %s\n", j.card.Job, j.digest.String()[:8], map[string]string{
		"asked":  "the process that has the domain stops it, if it serves the node; else the next node serve does",
		"told":   "stopped here, and the others are told",
		"untold": "stopped here; the coordinator does not answer: the next node serve tells the others",
	}[how])
	return err
}

// stopHere stops the job in this process, unless another one has the domain.
func stopHere(ctx context.Context, dir string, j *nodeJob) (how string, err error) {
	d, err := openDomain(ctx, dir, writing)
	if errors.Is(err, ledger.ErrInUse) {
		return "asked", nil
	}
	if err != nil {
		return "", err
	}
	defer d.Close()
	s, err := newNodeService(d, newNodeConsole(io.Discard, false))
	if err != nil {
		return "", err
	}
	defer s.client.Close()
	s.once = true
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = s.attempt(ctx, j)
	switch {
	case j.has(toldFile):
		return "told", nil
	case j.has(stoppedFile):
		return "untold", nil
	}
	return "", errors.Join(errors.New("the job could not be stopped"), err)
}
