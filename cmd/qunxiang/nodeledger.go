package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// trainingCharge is a charge of an attempt, as node ledger shows it.
type trainingCharge struct {
	Job      string `json:"job"`
	Attempt  string `json:"attempt"`
	Rho      string `json:"rho"`
	Time     string `json:"time"`
	State    string `json:"state"` // released, abandoned or open
	Template string `json:"template"`
	Purpose  string `json:"purpose"`
	Snapshot string `json:"snapshot"`
	Leaf     int64  `json:"leaf"`
}

type scopeLeft struct {
	Scope string `json:"scope"`
	Spent string `json:"spent_rho"` // queries included
	Aside string `json:"aside_rho"` // set aside for open jobs and not charged
	Cap   string `json:"cap_rho"`
	Left  string `json:"left_rho"` // neither spent nor set aside
}

// setAside is what a job has set aside, as node ledger shows it.
type setAside struct {
	Job   string `json:"job"`
	Rho   string `json:"rho"`      // for all rounds and spares
	Left  string `json:"left_rho"` // not charged
	Until string `json:"until"`    // last day
	State string `json:"state"`    // open, closed, or expired with its last day
	Leaf  int64  `json:"leaf"`
}

type trainingLedger struct {
	Charges []trainingCharge `json:"charges"`
	Aside   []setAside       `json:"aside"`
	Scopes  []scopeLeft      `json:"scopes"`
}

func nodeLedgerCommand() *cobra.Command {
	var dir, job string
	var asJSON bool
	c := &cobra.Command{
		Use: "ledger", Short: "What training has charged here, and what is left of the budgets", Args: cobra.NoArgs,
		Long: `Show every attempt that this node was charged for, and what is left of each budget.
An attempt that crossed its barrier is charged whether or not it gave a sum. What a
job may cost at most, its spare attempts included, is set aside for it when the node
opens it: until the job ends, or its last day has passed, no query and no other job
gets it. It is the domain's own ledger, which its queries charge to as well: qunxiang
audit verify checks all of it. It can be read beside a node that serves.`,
		Example: "  qunxiang node ledger --dir D",
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := openDomain(c.Context(), dir, reading)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			r := trainingLedgerOf(d.state, job, time.Now())
			if asJSON {
				return printJSON(c.OutOrStdout(), r)
			}
			return r.print(c.OutOrStdout())
		},
	}
	dirFlag(c, &dir)
	c.Flags().StringVar(&job, "job", "", "only this job: its digest, or the first eight digits")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func trainingLedgerOf(s *ledger.State, job string, now time.Time) trainingLedger {
	r := trainingLedger{Charges: []trainingCharge{}, Aside: []setAside{}, Scopes: []scopeLeft{}}
	for _, q := range s.Requests() {
		if q.Catalogue != ledger.Training || !strings.HasPrefix(q.Key, job) {
			continue
		}
		c := trainingCharge{Job: q.Key, Rho: rhoText(q.Cost.Rho), Time: q.Time.UTC().Format(time.RFC3339), State: "open", Template: q.Template, Purpose: q.Purpose, Snapshot: q.Snapshot, Leaf: q.Index}
		c.Attempt = strings.TrimPrefix(q.ID, q.Key+"-")
		switch {
		case q.Abandoned:
			c.State = "abandoned"
		case !q.Open():
			c.State = "released"
		}
		r.Charges = append(r.Charges, c)
	}
	for _, a := range s.Reservations() {
		if !strings.HasPrefix(a.Job, job) {
			continue
		}
		state := "open"
		switch {
		case a.Closed:
			state = "closed"
		case !a.Open(now):
			state = "expired"
		}
		r.Aside = append(r.Aside, setAside{a.Job, rhoText(a.Cost.Rho), rhoText(a.Left.Rho), a.Until, state, a.Index})
	}
	scopes := s.Scopes()
	if life := s.Population() + "/life"; !slices.Contains(scopes, life) {
		scopes = append(scopes, life)
	}
	for _, name := range scopes {
		limit, _ := s.Cap(name)
		spent, held := s.Spent(name), s.Held(name, now)
		r.Scopes = append(r.Scopes, scopeLeft{
			shortScope(name), rhoText(spent.Rho), rhoText(held.Rho), rhoText(limit.Rho), rhoText(max(limit.Rho-spent.Rho-held.Rho, 0)),
		})
	}
	return r
}

func (r trainingLedger) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	if len(r.Charges) == 0 {
		fmt.Fprintln(w, "training has charged nothing here")
	} else {
		fmt.Fprintln(t, "job\tattempt\trho\tcharged at\tstate\trows from")
	}
	for _, c := range r.Charges {
		fmt.Fprintf(t, "%.8s\t%s\t%s\t%s\t%s\t%s\n", c.Job, c.Attempt, shorter(c.Rho), c.Time, c.State, c.Template)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	fmt.Fprintln(t, "budget\tcap\tspent, with queries\tset aside for jobs\tleft")
	for _, s := range r.Scopes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.Scope, shorter(s.Cap), shorter(s.Spent), shorter(s.Aside), shorter(s.Left))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return r.printAside(w)
}

// printAside says in words what open jobs have set aside, and what became of it.
func (r trainingLedger) printAside(w io.Writer) error {
	if len(r.Aside) > 0 {
		fmt.Fprintln(w)
	}
	for _, a := range r.Aside {
		var says string
		switch a.State {
		case "open":
			says = fmt.Sprintf("%s of it is not charged and is kept for the job until it ends, at the latest to the end of %s", shorter(a.Left), a.Until)
		case "closed":
			says = fmt.Sprintf("the job is over, and the %s that it did not use are free again", shorter(a.Left))
		default:
			says = fmt.Sprintf("its last day, %s, has passed, and the %s that it did not use are free again", a.Until, shorter(a.Left))
		}
		if _, err := fmt.Fprintf(w, "job %.8s set rho %s aside for its rounds and spares: %s\n", a.Job, shorter(a.Rho), says); err != nil {
			return err
		}
	}
	return nil
}

// shorter is an exact rho to six digits, for people.
func shorter(exact string) string {
	var rho federated.Rho
	if err := rho.UnmarshalText([]byte(exact)); err != nil {
		return exact
	}
	return rhoShort(int64(rho))
}
