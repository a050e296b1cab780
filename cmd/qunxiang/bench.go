package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// benchResult is what bench query prints. Times are of this machine; the ratios
// are what can be compared.
type benchResult struct {
	Persons   int64           `json:"persons"`
	Rows      int64           `json:"rows"` // settlements
	Templates []benchTemplate `json:"templates"`
	Median    float64         `json:"median_ratio"`
	Worst     float64         `json:"worst_ratio"`
	PeakRSS   int64           `json:"peak_rss_bytes"` // of a process that runs the private questions only
}

type benchTemplate struct {
	ID        string  `json:"id"`
	Catalogue string  `json:"catalogue"`
	Plain     float64 `json:"plain_s"`
	Private   float64 `json:"private_s"`
	Ratio     float64 `json:"ratio"`
}

// benchParameters make every template read most of what it can.
var benchParameters = map[string]map[string]string{
	"I1":  {"window": "2016-01-01..2018-12-31"},
	"I2":  {"window": "2016-01-01..2018-12-31", "med_type": "all"},
	"I3":  {"window": "2016-01-01..2018-12-31", "med_type": "all"},
	"I4":  {"window": "2017-01-01..2017-12-31"},
	"I5":  {"window": "2017-01-01..2017-12-31"},
	"I6":  {"window": "2017-01-01..2017-12-31"},
	"I7":  {"window": "2016-01-01..2018-12-31", "washout": "0"},
	"I8":  {"window": "2016-01-01..2018-12-31"},
	"I9":  {"window": "2016-01-01..2018-12-31"},
	"P1":  {"window": "2016-01-01..2018-12-31", "codes": "hypertension", "washout": "0"},
	"P2":  {"window": "2016-01-01..2018-12-31", "codes": "hypertension", "lookback": "1"},
	"P3":  {"window": "2016-01-01..2018-12-31", "codes": "hypertension", "lookback": "0"},
	"P4":  {"window": "2016-01-01..2018-12-31", "drugs": "metformin,statins,antihypertensives"},
	"P5":  {"window": "2016-01-01..2018-12-31", "codes": "metformin", "washout": "0"},
	"P6":  {"window": "2016-01-01..2018-12-31", "codes": "hypertension", "outcome": "stroke", "washout": "0"},
	"P7":  {"window": "2016-01-01..2018-12-31", "classes": "metformin,sulfonylureas,insulins", "washout": "0"},
	"P8":  {"window": "2016-01-01..2018-12-31"},
	"P9":  {"window": "2016-01-01..2018-12-31", "codes": "hypertension", "pre": "1"},
	"P10": {"window": "2016-01-01..2018-12-31", "codes": "antihypertensives", "event": "2017-07-01"},
	"R1":  {"window": "2016-01-01..2018-12-31"},
	"R2":  {"window": "2016-01-01..2018-12-31"},
	"R3":  {"window": "2016-01-01..2018-12-31", "flow": "all", "med_type": "all"},
	"R4":  {"window": "2016-01-01..2018-12-31"},
	"R5":  {"window": "2016-01-01..2018-12-31"},
	"E1":  {"window": "2017-01-01..2017-12-31", "lookback": "365"},
	"H1":  {"window": "2016-01-01..2018-12-31", "codes": "hypertension", "drugs": "antihypertensives"},
	"H2":  {"window": "2016-01-01..2018-12-31"},
	"D1":  {"window": "2016-01-01..2018-12-31"},
	"A1":  {"window": "2017-01-01..2017-12-31"},
	"A2":  {"window": "2017-01-01..2017-12-31"},
}

func benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "bench", Short: "Measure private answers and training: their speed and their accuracy",
		Example: "  qunxiang bench query --persons 100000 --rows 2000000",
	}
	c.AddCommand(benchQueryCommand(), benchUtilityCommand(), benchFederatedCommand())
	return c
}

func benchQueryCommand() *cobra.Command {
	var persons, rows int64
	var rounds int
	var asJSON, peakOnly bool
	var dir string
	var only []string
	c := &cobra.Command{
		Use: "query", Short: "Every template: bounded, noisy and thresholded against the plain GROUP BY", Args: cobra.NoArgs,
		Long: `Every template on a synthetic population: the private answer (person ranges,
exact bounding, threshold and noise) against the plain yardstick
  SELECT keys, count(DISTINCT psn_key), sum(measures) ... GROUP BY keys
over the same rows with the same threads in the same process, in turn. Peak
memory is that of a process which runs the private questions only.`,
		Example: "  qunxiang bench query --persons 1000000 --rows 20000000 --json",
		RunE: func(c *cobra.Command, _ []string) error {
			if peakOnly {
				if err := benchPrivate(c.Context(), dir, only); err != nil {
					return withCode(err)
				}
				_, err := fmt.Fprintln(c.OutOrStdout(), peakMemory())
				return err
			}
			if dir == "" {
				temp, err := os.MkdirTemp("", "qunxiang-bench-*")
				if err != nil {
					return err
				}
				defer os.RemoveAll(temp)
				dir = temp
			}
			result, err := benchQuery(c.Context(), c.ErrOrStderr(), dir, only, persons, rows, rounds)
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), result)
			}
			printBench(c.OutOrStdout(), result)
			return nil
		},
	}
	f := c.Flags()
	f.Int64Var(&persons, "persons", 1_000_000, "people")
	f.Int64Var(&rows, "rows", 20_000_000, "settlements")
	f.StringSliceVar(&only, "only", nil, "catalogue ids, by comma (default: all)")
	f.IntVar(&rounds, "rounds", 3, "runs of each question; the median counts")
	f.StringVar(&dir, "dir", "", "keep the population here and use it again (default: a temporary directory)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.BoolVar(&peakOnly, "private-only", false, "run the private questions once and print the peak memory in bytes")
	_ = f.MarkHidden("private-only")
	return c
}

// benchDomain makes the population in a process of its own, so that the import's
// memory does not count.
func benchDomain(ctx context.Context, log io.Writer, dir string, persons, rows int64) error {
	if _, err := os.Stat(filepath.Join(dir, "policy.yaml")); err == nil {
		return nil
	}
	fmt.Fprintf(log, "making %d people and %d settlements\n", persons, rows)
	_, err := again(ctx, log, "data", "synth", "--domain", dir, "--seed", "1",
		"--persons", strconv.FormatInt(persons, 10), "--settlements", strconv.FormatInt(rows, 10))
	return err
}

// again runs this program again and gives what it prints.
func again(ctx context.Context, log io.Writer, args ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stderr = log
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

func benchQuery(ctx context.Context, log io.Writer, dir string, only []string, persons, rows int64, rounds int) (*benchResult, error) {
	if err := benchDomain(ctx, log, dir, persons, rows); err != nil {
		return nil, err
	}
	jobs, engine, err := benchJobs(dir, benchChoice{only: only, parameters: benchParameters})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	result := &benchResult{Persons: persons, Rows: rows}
	var ratios []float64
	for _, j := range jobs {
		t, err := benchOne(ctx, engine, j, rounds)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", j.Template.Catalogue, err)
		}
		fmt.Fprintf(log, "%s  plain %.3f s  private %.3f s  ratio %.2f\n", t.Catalogue, t.Plain, t.Private, t.Ratio)
		result.Templates = append(result.Templates, t)
		ratios = append(ratios, t.Ratio)
	}
	if len(ratios) == 0 {
		return nil, &exitError{exitUsage, fmt.Errorf("no template is named %s", strings.Join(only, ", "))}
	}
	result.Median, result.Worst = median(ratios), slices.Max(ratios)
	peak, err := again(ctx, log, "bench", "query", "--private-only", "--dir", dir, "--only="+strings.Join(only, ","))
	if err != nil {
		return nil, err
	}
	result.PeakRSS, err = strconv.ParseInt(peak, 10, 64)
	return result, err
}

// benchChoice says which questions: some of the catalogue (nil: all), with given
// parameters (nil: the examples), coarse or not.
type benchChoice struct {
	only       []string
	parameters map[string]map[string]string
	coarse     bool
}

func benchJobs(dir string, choice benchChoice) ([]*queries.Question, *duckdb.Engine, error) {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		return nil, nil, err
	}
	snapshots, err := dataset.List(dir)
	if err != nil || len(snapshots) == 0 {
		return nil, nil, fmt.Errorf("no snapshot in %s: %w", dir, err)
	}
	last := snapshots[len(snapshots)-1]
	if !last.Public {
		// Its answers and running times would leave without a charge.
		return nil, nil, &exitError{exitUsage, fmt.Errorf("%s holds people: benches run on populations that are declared public, such as data synth's", dir)}
	}
	engine, err := duckdb.Open(duckdb.Options{Domain: dir, TempDir: filepath.Join(dir, "tmp")})
	if err != nil {
		return nil, nil, err
	}
	var out []*queries.Question
	for _, t := range catalog.Templates() {
		if len(choice.only) > 0 && !slices.Contains(choice.only, t.Catalogue) {
			continue
		}
		given := t.Example
		if choice.parameters != nil {
			given = choice.parameters[t.Catalogue]
		}
		q, err := catalog.Compile(t, choice.coarse, given, queries.Source{Snapshot: last.ID, MaxRows: last.MostRows()})
		if err != nil {
			engine.Close()
			return nil, nil, err
		}
		q.Job.Spec.K = 20
		out = append(out, q)
	}
	return out, engine, nil
}

// benchOne takes plain and private in turn, so that a machine whose speed
// drifts slows both.
func benchOne(ctx context.Context, e *duckdb.Engine, q *queries.Question, rounds int) (benchTemplate, error) {
	plan, err := dp.Price(q.Job.Spec, dp.Want{Rho: 0.1}, dp.DeltaRule{Fixed: 1e-10})
	if err != nil {
		return benchTemplate{}, err
	}
	var plain, private []float64
	for range max(1, rounds) {
		start := time.Now()
		if _, err := e.Plain(ctx, q.Job); err != nil {
			return benchTemplate{}, err
		}
		plain = append(plain, time.Since(start).Seconds())
		start = time.Now()
		totals, err := e.Run(ctx, q.Job)
		if err != nil {
			return benchTemplate{}, err
		}
		if _, err := dp.Release(totals, plan); err != nil {
			return benchTemplate{}, err
		}
		private = append(private, time.Since(start).Seconds())
	}
	t := benchTemplate{ID: q.Template.Ref(), Catalogue: q.Template.Catalogue, Plain: median(plain), Private: median(private)}
	t.Ratio = t.Private / t.Plain
	return t, nil
}

func benchPrivate(ctx context.Context, dir string, only []string) error {
	jobs, engine, err := benchJobs(dir, benchChoice{only: only, parameters: benchParameters})
	if err != nil {
		return err
	}
	defer engine.Close()
	for _, j := range jobs {
		if _, err := engine.Run(ctx, j.Job); err != nil {
			return err
		}
	}
	return nil
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}

func printBench(w io.Writer, r *benchResult) {
	fmt.Fprintf(w, "%s people, %s settlements\n", grouped(float64(r.Persons), 0), grouped(float64(r.Rows), 0))
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "template\tplain s\tprivate s\tratio\t")
	for _, b := range r.Templates {
		fmt.Fprintf(t, "%s %s\t%.3f\t%.3f\t%.2f\t\n", b.Catalogue, b.ID, b.Plain, b.Private, b.Ratio)
	}
	t.Flush()
	fmt.Fprintf(w, "median ratio %.2f, worst %.2f, peak memory of the private runs %d MiB\n", r.Median, r.Worst, r.PeakRSS>>20)
}
