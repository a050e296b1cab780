package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/federated"
)

func demoFederatedCommand() *cobra.Command {
	var persons int64
	var once bool
	var dir string
	c := &cobra.Command{
		Use: "federated", Short: "A coordinator and four nodes train a model together", Args: cobra.NoArgs,
		Long: `Make four data domains of synthetic people - a medical-insurance fund, two insurers, a
pharma firm - and run a coordinator and a node for each as processes of their own, on
loopback. They enrol, read a job card, approve it and fit a claim-frequency model;
the model is shown beside the pooled fit, which nobody but this demo could make. Then
the transcripts are verified, and a coordinator that tampers is caught.

--dir keeps everything in a directory, to try the other commands on; without --once the
coordinator stays up at the end, and the fund's domain is served: its pages show the
job, and their address and a token are printed.`,
		Example: "  qunxiang demo federated --once\n  qunxiang demo federated --dir /tmp/four",
		RunE: func(c *cobra.Command, _ []string) error {
			where := dir
			if dir == "" {
				var err error
				if where, err = os.MkdirTemp("", "qunxiang-federated-*"); err != nil {
					return err
				}
				defer os.RemoveAll(where)
			}
			return withCode(demoFederated(c.Context(), c.OutOrStdout(), where, persons, once))
		},
	}
	f := c.Flags()
	f.Int64Var(&persons, "persons", demoPersons, "synthetic people at each node")
	f.BoolVar(&once, "once", false, "leave at the end")
	f.StringVar(&dir, "dir", "", "an empty directory to keep everything in (default: a temporary one)")
	return c
}

// party is an organisation of the demo.
type party struct {
	name, organisation string
	dir                string
}

// four is the demo under way.
type four struct {
	cast    *cast
	w       io.Writer
	dir     string
	persons int64
	parties []*party
	serving *process // the coordinator
	hello   struct {
		URL         string `json:"url"`
		Fingerprint string `json:"ca_fingerprint"`
		Key         string `json:"key"`
	}
	card    *federated.Card
	job     string
	trained string // the job that came to its end
	members string // the nodes' blocks on cards
}

func (f *four) say(format string, args ...any) { fmt.Fprintf(f.w, format, args...) }

func (f *four) coordinator() string { return filepath.Join(f.dir, "coordinator") }

func demoFederated(ctx context.Context, w io.Writer, dir string, persons int64, once bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f := &four{w: w, dir: dir, persons: persons, cast: &cast{self: self, dir: dir}, parties: demoParties(dir)}
	defer f.cast.end()
	for _, step := range []func(context.Context) error{
		f.domains, f.enrol, f.begin, f.approve, f.train, f.compare, f.verify, f.tamper, f.cheat,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if !once {
		if err := f.pages(ctx); err != nil {
			return err
		}
		f.say("\nThe coordinator stays up (stop it with Ctrl-C); everything is in %s.\n", dir)
		<-ctx.Done()
	}
	return nil
}

// domains makes everybody's people.
func (f *four) domains(ctx context.Context) error {
	f.say("== Four organisations, each with its own people\n\n")
	start := time.Now()
	var making []*process
	for i, p := range f.parties {
		proc, err := f.cast.start(ctx, p.name+"-synth", "data", "synth", "--domain", p.dir, "--persons", fmt.Sprint(f.persons),
			"--settlements", fmt.Sprint(6*f.persons), "--seed", fmt.Sprint(i+1))
		if err != nil {
			return err
		}
		making = append(making, proc)
	}
	for i, proc := range making {
		if err := proc.wait(); err != nil {
			return err
		}
		f.say("  %-12s %s synthetic people in %s\n", f.parties[i].organisation, grouped(float64(f.persons), 0), f.parties[i].dir)
	}
	f.say("  (made in %.0f s; no two domains share a key, so nobody can match people between them)\n", time.Since(start).Seconds())
	return nil
}

// enrol starts the coordinator and brings the nodes in.
func (f *four) enrol(ctx context.Context) error {
	f.say("\n== A coordinator, in a process of its own: no data, and no secret\n\n")
	if err := f.serve(ctx); err != nil {
		return err
	}
	f.say("  %s\n  authority's fingerprint  %s\n\n", f.hello.URL, f.hello.Fingerprint)
	for _, p := range f.parties {
		out, err := f.cast.run(ctx, "node", "enroll", "--dir", p.dir, "--coordinator", f.hello.URL, "--ca-fingerprint", f.hello.Fingerprint,
			"--coordinator-key", f.hello.Key, "--name", p.name, "--organisation", p.organisation, "--json")
		if err != nil {
			return err
		}
		var e enrolReport
		if err := json.Unmarshal(out, &e); err != nil {
			return err
		}
		if _, err := f.cast.run(ctx, "federated", "enrolments", "approve", p.name, "--dir", f.coordinator(), "--fingerprint", e.Fingerprint); err != nil {
			return err
		}
		if _, err := f.cast.run(ctx, "node", "enroll", "--dir", p.dir); err != nil {
			return err
		}
		f.say("  %-12s enrolled; fingerprint told by telephone: %s ...\n", p.organisation, e.Fingerprint[:17])
		if err := f.hasten(p); err != nil {
			return err
		}
	}
	return nil
}

// serve starts the coordinator, and waits until it says where it is.
func (f *four) serve(ctx context.Context) (err error) {
	if f.serving, err = f.cast.start(ctx, "coordinator", "federated", "serve", "--dir", f.coordinator(), "--json"); err != nil {
		return err
	}
	return f.serving.says(ctx, &f.hello)
}

// approve lets every owner approve, and shows what one of them sees.
func (f *four) approve(ctx context.Context) error {
	f.say("\n== Each owner reads it, checks it against the own node, and signs its digest\n\n")
	for i, p := range f.parties {
		out, err := f.cast.run(ctx, "node", "approve", "--dir", p.dir, "--job", f.job, "--yes")
		if err != nil {
			return err
		}
		if i == 1 {
			f.say("At %s:\n%s\n", p.organisation, after(string(out), "What this node has checked"))
		}
	}
	return nil
}

// verify checks every node's folder from public keys only.
func (f *four) verify(ctx context.Context) error {
	f.say("\n== Each owner, or a judge, verifies offline what was decrypted and charged\n\n")
	for i, p := range f.parties {
		out, err := f.cast.run(ctx, "federated", "verify", "--dir", p.dir, "--job", f.job)
		if err != nil {
			return err
		}
		if i == 0 {
			f.say("$ qunxiang federated verify --dir %s\n%s", p.name, out)
			continue
		}
		f.say("%s: %s\n", p.organisation, lastLine(string(out)))
	}
	out, err := f.cast.run(ctx, "node", "ledger", "--dir", f.parties[1].dir)
	if err != nil {
		return err
	}
	f.say("\n$ qunxiang node ledger --dir %s\n%s", f.parties[1].name, out)
	return nil
}
