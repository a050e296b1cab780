package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api/federation"
)

func federatedStatusCommand() *cobra.Command {
	var dir, job string
	var asJSON bool
	c := &cobra.Command{
		Use: "status", Short: "How far jobs are, as the coordinator says", Args: cobra.NoArgs,
		Long: `Show how far jobs are, as the coordinator says: all of them with the coordinator's
directory, and with a data domain's those that its node is a party to. Nobody needs
to believe it: federated verify is what counts.`,
		Example: "  qunxiang federated status --dir C\n  qunxiang federated status --dir D --job 5f1c09aa --json",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := anyClient(dir)
			if err != nil {
				return withCode(err)
			}
			defer client.Close()
			jobs, err := findJobs(c.Context(), client, job)
			if err != nil {
				return withCode(err)
			}
			r := statusReport{Jobs: jobs}
			if a, err := readAdmin(dir); err == nil {
				facts, err := a.facts(dir)
				if err != nil {
					return withCode(err)
				}
				r.Coordinator = &facts
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), r)
			}
			if r.Coordinator != nil && job == "" {
				fmt.Fprintf(c.OutOrStdout(), "coordinator on %s\n", r.Coordinator.URL)
				r.Coordinator.print(c.OutOrStdout())
			}
			printStatus(c.OutOrStdout(), jobs)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "the coordinator's directory, or a node's data domain")
	_ = c.MarkFlagRequired("dir")
	f.StringVar(&job, "job", "", "only this job: its digest, or the first eight digits")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// statusReport is what federated status prints; the coordinator's own facts are for its
// operator.
type statusReport struct {
	Coordinator *coordinatorFacts      `json:"coordinator,omitempty"`
	Jobs        []federation.JobStatus `json:"jobs"`
}

// anyClient calls as the coordinator's administrator or as a node, whichever the
// directory is of.
func anyClient(dir string) (*federation.Client, error) {
	if _, err := os.Stat(filepath.Join(dir, adminName)); err == nil {
		return adminClient(dir)
	}
	folder := nodeFolderOf(dir)
	if _, err := os.Stat(string(folder)); err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("%s is neither a coordinator's directory nor a domain with a node", dir)}
	}
	s, err := folder.settings()
	if err != nil {
		return nil, err
	}
	return folder.client(s)
}

// findJobs asks the coordinator for jobs, all or those whose digest begins so.
func findJobs(ctx context.Context, client *federation.Client, job string) ([]federation.JobStatus, error) {
	all, err := client.Jobs(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	jobs := []federation.JobStatus{}
	for _, s := range all {
		if strings.HasPrefix(s.Job, job) {
			jobs = append(jobs, s)
		}
	}
	if job != "" && len(jobs) == 0 {
		return nil, &exitError{exitUsage, fmt.Errorf("the coordinator has no job %s of this party", job)}
	}
	return jobs, nil
}

func printStatus(w io.Writer, jobs []federation.JobStatus) {
	if len(jobs) == 0 {
		fmt.Fprintln(w, "no jobs: the coordinator's operator drafts a card and begins one (qunxiang federated draft, create)")
	}
	for _, s := range jobs {
		fmt.Fprintf(w, "%s  %s\n  %s\n", printable(s.Job), printable(s.Name), printable(stateOf(s)))
		if s.Burnt > 0 {
			fmt.Fprintf(w, "  %d attempts are burnt: charged, and gave no sum\n", s.Burnt)
		}
	}
}

// stateOf says how far a job is, in a line.
func stateOf(s federation.JobStatus) string {
	switch {
	case s.Ended != "":
		return "stopped without a model: " + s.Ended
	case s.Done:
		return fmt.Sprintf("done: %d rounds, %d attempts", s.Rounds, s.Attempt)
	case s.Attempt == 0:
		line := fmt.Sprintf("waiting: %d of %d owners have approved, %d nodes are ready", s.Approved, len(s.Nodes), s.Ready)
		if len(s.Unapproved) > 0 {
			return line + "; to approve and serve: " + strings.Join(s.Unapproved, ", ")
		}
		if len(s.Unready) > 0 {
			line += "; to serve, or still reading their rows: " + strings.Join(s.Unready, ", ")
		}
		return line + waitsOf(s)
	}
	line := fmt.Sprintf("round %d of %d, attempt %d, %s", s.Round+1, s.Rounds, s.Attempt, s.Phase)
	if len(s.Missing) > 0 {
		line += "; waiting for " + strings.Join(s.Missing, ", ")
	}
	return line + waitsOf(s)
}

// waitsOf says what nodes wait for, in their own words.
func waitsOf(s federation.JobStatus) (text string) {
	for _, name := range slices.Sorted(maps.Keys(s.Waits)) {
		text += fmt.Sprintf("; %s says that it waits for %s", name, s.Waits[name])
	}
	return text
}
