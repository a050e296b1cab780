package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
)

// train runs the four nodes, each in a process of its own, and tells how far they are.
func (f *four) train(ctx context.Context) error {
	f.say("== Training: four processes, and only sealed, noisy sums between them\n\n")
	nodes, err := f.serveNodes(ctx, f.job)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := f.follow(ctx, nodes); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := n.wait(); err != nil {
			return err
		}
	}
	f.trained = f.job
	f.say("  done in %.0f s\n", time.Since(start).Seconds())
	return nil
}

// serveNodes starts node serve at every party.
func (f *four) serveNodes(ctx context.Context, job string) ([]*process, error) {
	var nodes []*process
	for _, p := range f.parties {
		n, err := f.cast.start(ctx, p.name, "node", "serve", "--dir", p.dir, "--once", "--job", job)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// follow asks the coordinator how far it is until all nodes have ended: a line for each
// round, and on a terminal the phases as they pass.
func (f *four) follow(ctx context.Context, nodes []*process) error {
	client, err := adminClient(f.coordinator())
	if err != nil {
		return err
	}
	defer client.Close()
	job, err := jobDigest(f.job)
	if err != nil {
		return err
	}
	file, ok := f.w.(*os.File)
	live := ok && term.IsTerminal(int(file.Fd()))
	round, begun := 0, time.Now()
	for ctx.Err() == nil {
		ended := true
		for _, n := range nodes {
			ended = ended && n.over()
		}
		s, err := client.Status(ctx, job)
		if err == nil {
			for ; round < s.Round; round++ {
				f.clear(live)
				f.say("  round %d of %d is closed (%.1f s)\n", round+1, s.Rounds, time.Since(begun).Seconds())
				begun = time.Now()
			}
			if live && !s.Done {
				f.say("\r\x1b[K  %s", stateOf(s))
			}
		}
		if ended {
			f.clear(live)
			return nil
		}
		rest(ctx, 200*time.Millisecond)
	}
	return ctx.Err()
}

func (f *four) clear(live bool) {
	if live {
		f.say("\r\x1b[K")
	}
}

// hasten suits a node to a coordinator on the same machine: nothing takes long.
func (f *four) hasten(p *party) error {
	return errors.Join(f.edit(p, "poll: 500ms", "poll: 100ms"), f.edit(p, "slot: 1m", "slot: 10s"))
}

// edit changes a node's settings, as its operator would.
func (f *four) edit(p *party, from, to string) error {
	path := nodeFolderOf(p.dir).path("node.yaml")
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !strings.Contains(string(b), from) {
		return fmt.Errorf("%s: no %q", path, from)
	}
	return os.WriteFile(path, []byte(strings.Replace(string(b), from, to, 1)), 0o600)
}

// compare shows the model, and beside it what a fit of everybody's rows at one place
// gives. The demo may read all four domains; no party can.
func (f *four) compare(ctx context.Context) error {
	f.say("\n== The model, as each node has it\n\n")
	out, err := f.cast.run(ctx, "federated", "model", "--dir", f.parties[1].dir, "--job", f.job)
	if err != nil {
		return err
	}
	f.say("%s", out)
	folder, err := nodeFolderOf(f.parties[1].dir).jobDir(f.job)
	if err != nil {
		return err
	}
	v, err := federated.Verify(folder, federated.VerifyOptions{})
	if err != nil {
		return err
	}
	var rows []glm.Row
	for i, p := range f.parties {
		own, err := f.rowsOf(ctx, p)
		if err != nil {
			return err
		}
		for k := range own {
			own[k].Person = fmt.Sprint(i, " ", own[k].Person)
		}
		rows = append(rows, own...)
	}
	fit, err := poolPoisson(f.card, rows)
	if err != nil {
		return err
	}
	f.say("\n== Beside the pooled fit, which nobody but this demo could make: no noise, everybody's rows at one place\n\n")
	return f.beside(v.Fit, fit)
}

// beside writes both fits in scaled columns, and how far they are apart.
func (f *four) beside(fit *glm.Fit, p *pooled) error {
	t := tabwriter.NewWriter(f.w, 2, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "term\tfederated\tpooled\tpooled standard error\tapart, in pooled standard errors\t\n")
	var squares float64
	for i, x := range fit.Terms {
		if x.Name != p.names[i] {
			return errors.New("the two fits have different columns")
		}
		apart := (x.Estimate - p.beta[i]) / p.se[i]
		squares += apart * apart
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%+.2f\t\n", x.Name, decimals(x.Estimate), decimals(p.beta[i]), decimals(p.se[i]), apart)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	f.say("\nTogether %.2f standard errors apart (root mean square): that is the price of the noise. (Numbers are for half of their range.)\n",
		math.Sqrt(squares/float64(len(fit.Terms))))
	return nil
}

// rowsOf reads a party's rows for the card.
func (f *four) rowsOf(ctx context.Context, p *party) ([]glm.Row, error) {
	d, err := openDomain(ctx, p.dir, reading)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var o federated.NodeOptions
	if err := d.train(ctx, f.card, &o); err != nil {
		return nil, err
	}
	return o.Rows(ctx)
}

// begin writes the job card and gives it to the coordinator.
func (f *four) begin(ctx context.Context) error {
	f.say("\n== The job card: all that anybody agrees to\n\n")
	members, err := f.cast.run(ctx, "federated", "enrolments", "--dir", f.coordinator(), "--members")
	if err != nil {
		return err
	}
	f.members = string(members)
	text, err := f.firstCard()
	if err != nil {
		return err
	}
	path := filepath.Join(f.dir, "card.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	out, err := f.cast.run(ctx, "federated", "create", "--dir", f.coordinator(), "--card", path)
	if err != nil {
		return err
	}
	f.say("$ qunxiang federated create --dir coordinator --card card.yaml\n%s", out)
	return f.read(path)
}

// read takes the card and its digest from the file.
func (f *four) read(path string) error {
	var err error
	if f.card, err = readCardYAML(path); err != nil {
		return err
	}
	job, err := f.card.Digest()
	f.job = job.String()
	return err
}
