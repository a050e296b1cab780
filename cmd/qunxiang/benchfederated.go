package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// benchFederatedResult is what bench federated prints. Times are of this machine; the
// ratios are what can be compared.
type benchFederatedResult struct {
	Nodes     int     `json:"nodes"`
	Set       string  `json:"parameters"` // G or V
	Values    int     `json:"values"`     // in a sum
	Rounds    int     `json:"rounds"`
	Steps     []timed `json:"steps"`
	CryptoMS  float64 `json:"crypto_ms"` // processor time per node and round
	HashMS    float64 `json:"sha256_ms"` // of the bytes a node sends and receives
	HashRatio float64 `json:"crypto_to_sha256"`
	NoiseMS   float64 `json:"noise_ms"` // drawing a node's share of noise, per round
	RelayMS   float64 `json:"coordinator_ms"`
	Up        float64 `json:"bytes_up"` // per node and round
	Down      float64 `json:"bytes_down"`
	Expansion float64 `json:"up_to_float32"`
	DownRatio float64 `json:"down_to_float32"`
	// Addition is adding one node's ring elements against adding its values as int64, of
	// a long vector; nodes do it, the coordinator does not add.
	Addition float64   `json:"addition_to_plain,omitempty"`
	Fit      *fitError `json:"fit,omitempty"`
	Noise    *sumNoise `json:"noise,omitempty"`
	PeakRSS  int64     `json:"peak_rss_bytes"` // of all nodes and the coordinator, in this one process
}

// timed is a step's processor time per node and round.
type timed struct {
	Step string  `json:"step"`
	MS   float64 `json:"ms"`
}

// fitError compares the noisy fit with the pooled one.
type fitError struct {
	People     int     `json:"people"`
	Columns    int     `json:"columns"`
	Rho        float64 `json:"rho"`
	RMS        float64 `json:"rms_standard_errors"`
	Worst      float64 `json:"worst_standard_errors"`
	Converged  bool    `json:"converged"`
	Unreliable int     `json:"unreliable"` // terms whose error is mostly noise
}

// sumNoise compares the noise of a sum with what was planned.
type sumNoise struct {
	Rho      float64 `json:"rho"`
	Planned  float64 `json:"planned_sigma"`
	Measured float64 `json:"measured_sigma"`
}

func benchFederatedCommand() *cobra.Command {
	var o federatedBench
	var asJSON bool
	c := &cobra.Command{
		Use: "federated", Short: "Training over encrypted sums: time, bytes and the error of the fit", Args: cobra.NoArgs,
		Long: `The whole protocol of every round in one process, with all checks and with noise:
a Poisson model of synthetic people, whose fit is compared with the pooled one, or
with --values one sum of so many numbers. Times are processor time per node and
round, without reading data, network and disk; beside them stands SHA-256 of the
bytes that the node sends and receives. Peak memory is that of this process, which
holds all nodes, the coordinator and everything that was sent.`,
		Example: "  qunxiang bench federated --nodes 20 --features 40 --json\n  qunxiang bench federated --values 1000000",
		RunE: func(c *cobra.Command, _ []string) error {
			if o.values > 0 && !c.Flags().Changed("nodes") {
				o.nodes = 3
			}
			if err := o.check(); err != nil {
				return &exitError{exitUsage, err}
			}
			result, err := o.run(c.ErrOrStderr())
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), result)
			}
			return printFederatedBench(c.OutOrStdout(), result)
		},
	}
	f := c.Flags()
	f.IntVar(&o.nodes, "nodes", 20, "nodes, 3 to 100 (default with --values: 3)")
	f.IntVar(&o.features, "features", 40, "columns beside the intercept, 1 to 120")
	f.IntVar(&o.people, "people", 10_000, "people of each node")
	f.IntVar(&o.rounds, "rounds", 5, "Newton rounds")
	f.Float64Var(&o.rho, "rho", 0.5, "privacy cost of the whole job")
	f.IntVar(&o.values, "values", 0, "sum vectors of so many numbers, and train nothing")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (o federatedBench) check() error {
	switch {
	case o.nodes < 3 || o.nodes > 100:
		return fmt.Errorf("--nodes must be 3 to 100, not %d", o.nodes)
	case o.features < 1 || o.features > 120:
		return fmt.Errorf("--features must be 1 to 120, not %d", o.features)
	case o.people < 100 || o.people > 10_000_000:
		return fmt.Errorf("--people must be 100 to 10,000,000, not %d", o.people)
	case o.rounds < 1 || o.rounds > 16:
		return fmt.Errorf("--rounds must be 1 to 16, not %d", o.rounds)
	case !(o.rho >= 0.001 && o.rho <= 100):
		return fmt.Errorf("--rho must be 0.001 to 100, not %g", o.rho)
	case o.values < 0 || o.values > 16_000_000:
		return fmt.Errorf("--values must be at most 16,000,000, not %d", o.values)
	}
	return nil
}

func printFederatedBench(w io.Writer, r *benchFederatedResult) error {
	fmt.Fprintf(w, "%d nodes, sums of %s values (set %s), %d rounds\n", r.Nodes, grouped(float64(r.Values), 0), r.Set, r.Rounds)
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "step\tms per node and round\t")
	for _, s := range r.Steps {
		fmt.Fprintf(t, "%s\t%.2f\t\n", s.Step, s.MS)
	}
	fmt.Fprintf(t, "all\t%.2f\t\n", r.CryptoMS)
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%.2f times SHA-256 of the same bytes (%.2f ms); noise %.2f ms; coordinator %.2f ms per node and round\n",
		r.HashRatio, r.HashMS, r.NoiseMS, r.RelayMS)
	fmt.Fprintf(w, "per node and round %s bytes up, %.2f times float32, and %s down, %.2f times\n",
		grouped(r.Up, 0), r.Expansion, grouped(r.Down, 0), r.DownRatio)
	if r.Addition > 0 {
		fmt.Fprintf(w, "adding one node's numbers %.2f times plain addition (nodes add, the coordinator does not)\n", r.Addition)
	}
	if f := r.Fit; f != nil {
		fmt.Fprintf(w, "fit of %s people, %d columns, rho %g: %.3f standard errors from the pooled fit (worst %.2f), converged %v, %d unreliable\n",
			grouped(float64(f.People), 0), f.Columns, f.Rho, f.RMS, f.Worst, f.Converged, f.Unreliable)
	}
	if n := r.Noise; n != nil {
		fmt.Fprintf(w, "noise of the sum %.1f, planned %.1f at rho %g\n", n.Measured, n.Planned, n.Rho)
	}
	_, err := fmt.Fprintf(w, "peak memory of all nodes and the coordinator in this process %d MiB\n", r.PeakRSS>>20)
	return err
}
