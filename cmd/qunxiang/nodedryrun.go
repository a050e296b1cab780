package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/federated"
)

func nodeDryRunCommand() *cobra.Command {
	a := &approving{}
	var values string
	c := &cobra.Command{
		Use: "dry-run", Short: "Show exactly what would leave this node, and send nothing", Args: cobra.NoArgs,
		Long: `Compute what the node would put into the next attempt of a job, from its own data at
the round that is open, with noise drawn for this run alone. Nothing is sent,
charged or kept. It works before the approval, and beside a node that serves.

The messages are listed with their lengths. --values FILE writes the numbers that
would go into the secure sum, which nobody else ever sees: they are for the eyes of
this domain's steward only, because their noise is this node's part alone.`,
		Example: "  qunxiang node dry-run --dir D --job 5f1c...e0\n  qunxiang node dry-run --dir D --values values.csv",
		RunE: func(c *cobra.Command, _ []string) error {
			run, err := a.dryRun(c)
			if err != nil {
				return withCode(err)
			}
			if values != "" {
				if err := writeValues(values, run); err != nil {
					return err
				}
			}
			if a.asJSON {
				return printJSON(c.OutOrStdout(), dryRunJSON(run))
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "job %s %s\n%sNothing was sent, charged or kept.\n", a.card.Job, a.hash.String()[:8], run)
			return err
		},
	}
	dirFlag(c, &a.dir)
	f := c.Flags()
	f.StringVar(&a.job, "job", "", "digest of the card, or its first twenty digits, or eight of an approved one (default: the only one)")
	f.StringVar(&values, "values", "", "write the values that would go into the sum to this file (CSV)")
	f.BoolVar(&a.asJSON, "json", false, "print JSON")
	return c
}

func (a *approving) dryRun(c *cobra.Command) (*federated.DryRun, error) {
	ctx := c.Context()
	var err error
	if a.d, err = openDomain(ctx, a.dir, reading); err != nil {
		return nil, err
	}
	defer a.d.Close()
	a.folder = nodeFolderOf(a.dir)
	if a.settings, err = a.folder.settings(); err != nil {
		return nil, err
	}
	o := federated.NodeOptions{Name: a.settings.Name}
	if o.Key, err = a.folder.messageKey(); err != nil {
		return nil, err
	}
	if j, err := a.folder.find(a.job); err == nil {
		if why, err := j.text(stoppedFile); err != nil || why != "" {
			return nil, errors.Join(err, &exitError{exitStopped, fmt.Errorf("%w: %s", federated.ErrStopped, why)})
		}
		a.card, a.hash, o.Dir = j.card, j.digest, j.dir
	} else if err := a.fetch(ctx); err != nil {
		return nil, err
	}
	o.Card = a.card
	if err := a.d.train(ctx, a.card, &o); err != nil {
		return nil, jobRefusal(a.card.Job, err)
	}
	run, err := federated.Rehearse(ctx, o)
	if err != nil {
		return nil, jobRefusal(a.card.Job, err)
	}
	return run, nil
}

// writeValues writes the values with their places and blocks, to a new file of its
// owner's alone: one that was there before may be open, or open to others.
func writeValues(path string, run *federated.DryRun) error {
	if old, err := os.Lstat(path); err == nil && !old.Mode().IsRegular() {
		return &exitError{exitUsage, fmt.Errorf("--values: %s is there, and is no regular file", path)}
	}
	var text bytes.Buffer
	fmt.Fprintln(&text, "place,block,value")
	for _, b := range run.Blocks {
		for i := b.From; i < b.To; i++ {
			fmt.Fprintf(&text, "%d,%s,%.17g\n", i, b.Name, float64(run.Values[i])*run.Unit)
		}
	}
	return writeDurably(path, text.Bytes(), 0o600)
}

type dryBlock struct {
	Name  string  `json:"name"`
	From  int     `json:"from"`
	To    int     `json:"to"`
	Sigma float64 `json:"sigma"`
}

type dryMessage struct {
	Name  string `json:"name"`
	Holds string `json:"holds"`
	Bytes int    `json:"bytes"`
}

type dryReport struct {
	Round    int          `json:"round"` // from 1
	Values   int          `json:"values"`
	Unit     float64      `json:"unit"`
	Rho      string       `json:"rho"`
	Blocks   []dryBlock   `json:"blocks"`
	Messages []dryMessage `json:"messages"`
}

func dryRunJSON(run *federated.DryRun) dryReport {
	r := dryReport{Round: run.Round + 1, Values: len(run.Values), Unit: run.Unit, Rho: rhoText(int64(run.Rho))}
	for _, b := range run.Blocks {
		r.Blocks = append(r.Blocks, dryBlock(b))
	}
	for _, m := range run.Messages {
		r.Messages = append(r.Messages, dryMessage(m))
	}
	return r
}
