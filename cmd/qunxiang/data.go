package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

func dataCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "data", Short: "Load data into a domain and look at it (inside the domain only)",
		Example: "  qunxiang data synth --domain D --persons 50000",
	}
	c.AddCommand(importCommand(), synthCommand(), qualityCommand(), snapshotsCommand(), optOutCommand())
	return c
}

// declared is what the authority says in public about its data.
type declared struct {
	people int64
	window string // FROM..TO
}

var windowPattern = regexp.MustCompile(`^(\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d)?$`)

// loadDomain opens a domain for loading, or makes it where there is none yet.
func loadDomain(ctx context.Context, dir, as string, public declared) (*domain, error) {
	d, err := openDomain(ctx, dir, writing)
	if errors.Is(err, errNoDomain) {
		d, err = newDomain(ctx, dir, public)
	}
	if errors.Is(err, ledger.ErrInUse) { // loading has no --server
		return nil, &exitError{exitBusy, fmt.Errorf("%s is in use by a server or another command: end that first", dir)}
	}
	if err != nil {
		return nil, err
	}
	if err := d.policy().May(as, policy.LoadData); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// register puts a loaded snapshot into the log: from then on questions ask it.
// In a supervised domain it waits for approvals first, which w is told.
func (d *domain) register(ctx context.Context, w io.Writer, m *dataset.Manifest, as string) error {
	waits, err := d.propose(ctx, keptProposal{Snapshot: &ledger.Snapshot{Snapshot: m.ID, By: as}})
	if waits {
		waitsForApproval(w, "snapshot "+m.ID)
	}
	return err
}

func importCommand() *cobra.Command {
	var dir, as, binding, source, onError string
	var public declared
	var asJSON bool
	c := &cobra.Command{
		Use: "import", Short: "Load a source into a new snapshot", Args: cobra.NoArgs,
		Long: `Load a source folder into a new, immutable snapshot. A domain that does not exist
yet becomes an evaluation domain. Rows that cannot be mapped are put aside and
counted; broken lines of a file stop the import, or are put aside too, as
--on-error says. An import that is broken off leaves nothing and can be run again. It
runs beside a server too, which takes the snapshot at the end and shows stewards how far
it is, on its internal listener.`,
		Example: "  qunxiang data import --binding omop --source ./omop --domain D",
		RunE: func(c *cobra.Command, _ []string) error {
			if onError != string(dataset.Abort) && onError != string(dataset.Quarantine) {
				return &exitError{exitUsage, fmt.Errorf("--on-error is abort or quarantine")}
			}
			b, err := dataset.LoadBinding(binding)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if info, err := os.Stat(source); err != nil || !info.IsDir() {
				return &exitError{exitUsage, fmt.Errorf("--source %s is not a folder", source)}
			}
			if !windowPattern.MatchString(public.window) {
				return &exitError{exitUsage, fmt.Errorf("--public-window is two days like 2016-01-01..2018-12-31")}
			}
			d, err := besideServer(c.Context(), dir, as, public)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			m, q, err := d.load(c.Context(), as, dataset.Options{
				Domain: dir, Key: d.keys.person, Binding: b, Source: source, OnError: dataset.OnError(onError),
				Open: duckdb.OpenWriter, Arrow: duckdb.Arrow(), Progress: progress(c.ErrOrStderr()),
			})
			if err != nil {
				return withCode(err)
			}
			if err := d.handIn(c.Context(), c.ErrOrStderr(), m, as); err != nil {
				return withCode(err)
			}
			d.warnOfSlot(c.ErrOrStderr(), m.People)
			return showLoad(c.OutOrStdout(), m, q, asJSON)
		},
	}
	domainFlags(c, &dir, &as)
	f := c.Flags()
	f.StringVar(&binding, "binding", "", "national-a, national-b, omop, synthea, registry, or the path of a YAML file")
	f.StringVar(&source, "source", "", "folder with the source files")
	f.StringVar(&onError, "on-error", "abort", "what broken lines do: abort (nothing is loaded) or quarantine (the rest is)")
	f.Int64Var(&public.people, "public-people", 0, "of a new domain: the public size of the population, where it may be known")
	f.StringVar(&public.window, "public-window", "", "of a new domain: the days its data are declared to hold, FROM..TO")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	_ = c.MarkFlagRequired("binding")
	_ = c.MarkFlagRequired("source")
	return c
}

// synthOptions say what a synthetic population is made of.
type synthOptions struct {
	persons, settlements int64
	seed                 int64
}

// synthDomain makes an evaluation domain of synthetic people. Its size is
// declared: it is the caller's own choice, not a fact about anybody.
func synthDomain(ctx context.Context, dir string, o synthOptions, report func(dataset.Progress)) (*domain, error) {
	const as = "steward-s"
	d, err := loadDomain(ctx, dir, as, declared{o.persons, "2016-01-01..2018-12-31"})
	if err != nil {
		return nil, err
	}
	m, _, err := dataset.Synth(ctx, dataset.SynthOptions{
		Domain: dir, Key: d.keys.person, People: o.persons, Settlements: o.settlements, Seed: o.seed,
		Open: duckdb.OpenWriter, Progress: report,
	})
	if err == nil {
		err = d.register(ctx, io.Discard, m, as)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func synthCommand() *cobra.Command {
	var dir string
	var o synthOptions
	var asJSON bool
	c := &cobra.Command{
		Use: "synth", Short: "Make a seeded synthetic population, dirty rows and refunds included", Args: cobra.NoArgs,
		Example: "  qunxiang data synth --domain D --persons 50000 --seed 1",
		RunE: func(c *cobra.Command, _ []string) error {
			if o.persons < 1 {
				return &exitError{exitUsage, fmt.Errorf("--persons must be at least 1")}
			}
			d, err := synthDomain(c.Context(), dir, o, progress(c.ErrOrStderr()))
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			m, err := d.newest()
			if err != nil {
				return withCode(err)
			}
			q, err := dataset.LoadQuality(dir, m.ID)
			if err != nil {
				return withCode(err)
			}
			return showLoad(c.OutOrStdout(), m, q, asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "domain", "", "directory of the domain")
	_ = c.MarkFlagRequired("domain")
	f.Int64Var(&o.persons, "persons", 50_000, "people")
	f.Int64Var(&o.settlements, "settlements", 0, "settlements (default: 20 a person)")
	f.Int64Var(&o.seed, "seed", 1, "the same seed makes the same people")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// warnOfSlot tells the steward when answers are due sooner than runs can end.
func (d *domain) warnOfSlot(w io.Writer, people int64) {
	if d.policy().SlotSuits(people) {
		return
	}
	why := "the declared public size is too small for this snapshot"
	if d.policy().PublicPeople == 0 {
		why = "the public size is undeclared and this snapshot is large"
	}
	fmt.Fprintf(w, "warning: answers are due after %v, because %s. Runs may miss that: they are charged and abandoned. "+
		"Declare public_people in policy.yaml where it may be known, or set a longer slots.undeclared. "+
		"(This is about the data: it stays inside the domain.)\n", d.policy().Slot(), why)
}

// newest is the manifest of the snapshot that questions ask.
func (d *domain) newest() (*dataset.Manifest, error) {
	ids := d.state.Snapshots()
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s holds no snapshot", d.dir)
	}
	return dataset.Load(d.dir, ids[len(ids)-1])
}

// progress draws on a terminal, and is silent elsewhere.
func progress(w io.Writer) func(dataset.Progress) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func(p dataset.Progress) {
		fmt.Fprintf(f, "\r\x1b[K%s %d/%d", p.Stage, p.Done, p.Total)
		if p.Stage == "finish" && p.Done == p.Total {
			fmt.Fprint(f, "\r\x1b[K")
		}
	}
}

func showLoad(w io.Writer, m *dataset.Manifest, q *dataset.Quality, asJSON bool) error {
	if asJSON {
		return printJSON(w, struct {
			Snapshot string           `json:"snapshot"`
			People   int64            `json:"people"`
			Binding  string           `json:"binding"`
			Quality  *dataset.Quality `json:"quality"`
		}{m.ID, m.People, m.Binding, q})
	}
	fmt.Fprintf(w, "snapshot %s: %s people, binding %s\n", m.ID, grouped(float64(m.People), 0), m.Binding)
	fmt.Fprintln(w, "(What follows is about the data: it stays inside the domain.)")
	return q.Print(w)
}

func qualityCommand() *cobra.Command {
	var dir, id string
	var asJSON bool
	c := &cobra.Command{
		Use: "quality", Short: "Show the data-quality report of a snapshot; it stays inside the domain", Args: cobra.NoArgs,
		Example: "  qunxiang data quality --domain D",
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := openDomain(c.Context(), dir, reading)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			if id == "" {
				m, err := d.newest()
				if err != nil {
					return withCode(err)
				}
				id = m.ID
			}
			q, err := dataset.LoadQuality(dir, id)
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), q)
			}
			return q.Print(c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&dir, "domain", "", "directory of the domain")
	_ = c.MarkFlagRequired("domain")
	c.Flags().StringVar(&id, "snapshot", "", "snapshot (default: the newest)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func snapshotsCommand() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use: "snapshots", Short: "List the snapshots of a domain", Args: cobra.NoArgs, Example: "  qunxiang data snapshots --domain D",
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := openDomain(c.Context(), dir, reading)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			type listed struct {
				Snapshot string `json:"snapshot"`
				Binding  string `json:"binding"`
				Created  string `json:"created"`
				People   int64  `json:"people"`
			}
			list := []listed{}
			for _, s := range d.state.Registered() {
				m, err := dataset.Load(dir, s.Snapshot)
				if err != nil {
					return withCode(err)
				}
				list = append(list, listed{m.ID, m.Binding, m.Created, m.People})
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 2, 4, 2, ' ', 0)
			for _, m := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s people\n", m.Snapshot, m.Created, m.Binding, grouped(float64(m.People), 0))
			}
			return w.Flush()
		},
	}
	c.Flags().StringVar(&dir, "domain", "", "directory of the domain")
	_ = c.MarkFlagRequired("domain")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
