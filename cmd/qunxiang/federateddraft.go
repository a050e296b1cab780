package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// drafting is what federated draft is told of a job.
type drafting struct {
	dir, template, job, family, purpose string
	given                               []string
	mean, rho                           float64
	perNode, places                     int64

	question *queries.FeatureQuestion
	facts    coordinatorFacts
	members  []federation.EnrolmentState
}

func federatedDraftCommand() *cobra.Command {
	o := &drafting{}
	c := &cobra.Command{
		Use: "draft", Short: "Write a job card to begin from: the rows' template, the parties, the features", Args: cobra.NoArgs,
		Long: `Write a card in YAML for a feature template, with the coordinator and the nodes that
have enrolled. It is a draft: say in description what the model is for, strike
features, put the level that others are compared with first, merge rare levels
(into:), and set the mean, the cost and the numbers of people to what is publicly
known. Comments are yours; only the values count. Then: federated create --check.`,
		Example: "  qunxiang federated draft --dir C --template claim-frequency-features --job admissions --param window=2017-01-01..2017-12-31 --param med_type=inpatient > card.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.read(c); err != nil {
				return withCode(err)
			}
			return o.write(c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "", "the coordinator's directory")
	_ = c.MarkFlagRequired("dir")
	f.StringVar(&o.template, "template", "", "feature template: an id, or an id@version")
	_ = c.MarkFlagRequired("template")
	f.StringArrayVar(&o.given, "param", nil, "parameter of the template, name=value; may be repeated")
	f.StringVar(&o.job, "job", "a-job", "the job's name: lower case, digits, hyphens")
	f.StringVar(&o.purpose, "purpose", "", "purpose (default: the template's first)")
	f.StringVar(&o.family, "family", "", "linear, logistic, poisson, gamma, tweedie or negative-binomial (default: gamma for money, else poisson)")
	f.Float64Var(&o.mean, "start-mean", 1, "expected mean of the response, in a unit of exposure if there is one")
	f.Float64Var(&o.rho, "rho", 0.3, "privacy cost of the whole job")
	f.Int64Var(&o.places, "places", 0, "how many of the nodes one person may be at (default: all)")
	f.Int64Var(&o.perNode, "people-per-node", 100_000, "the most people that any node has")
	return c
}

func (o *drafting) read(c *cobra.Command) error {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		return err
	}
	t, err := catalog.FindFeatures(o.template)
	if err != nil {
		return err
	}
	if o.purpose == "" {
		o.purpose = t.Purposes[0]
	}
	given := map[string]string{}
	for _, p := range o.given {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			return &exitError{exitUsage, fmt.Errorf("--param %q is not name=value", p)}
		}
		given[name] = value
	}
	if o.question, err = catalog.CompileFeatures(t, given, queries.Source{}); err != nil {
		return err
	}
	return withAdmin(o.dir, func(client *federation.Client) error {
		a, err := readAdmin(o.dir)
		if err != nil {
			return err
		}
		if o.facts, err = a.facts(o.dir); err != nil {
			return err
		}
		all, err := client.Enrolments(c.Context())
		for _, s := range all {
			if s.State == federation.Approved {
				o.members = append(o.members, s)
			}
		}
		return unreachable(err)
	})
}

func (o *drafting) write(w io.Writer) error {
	t := o.question.Template
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	p("version: qunxiang-card/1\njob: %s\npurpose: %s", o.job, o.purpose)
	p("description: %s", t.Title.EN)
	p("\n# The rows, of each node's own people: qunxiang template show %s", t.ID)
	p("source:\n  template: %s\n  digest: \"%s\"\n  parameters:", t.Ref(), t.Digest())
	for _, name := range slices.Sorted(maps.Keys(o.question.Parameters)) {
		p("    %s: %q", name, o.question.Parameters[name])
	}
	p("\nmodel:\n  family: %s\n  start_mean: %g\n  rounds: 5", o.familyOr(), o.mean)
	mean := ""
	if c := o.column(queries.RoleWeight); c != nil {
		p("  caps: {rows: %d, weight: 12, score: 12}   # 12 %s of a person count in full", o.question.Job.Rows, c.Unit)
		mean = ", exposure: 1}   # exposure: how many " + c.Unit + " a person is expected to have"
	} else {
		p("  caps: {rows: %d}", o.question.Job.Rows)
		mean = "}"
	}
	var features []string
	for _, c := range o.question.Columns {
		switch c.Role {
		case queries.RoleResponse:
			p("  response: {name: %s, unit: %q, range: [%g, %g]}", c.Name, c.Unit, c.Lo, c.Hi)
		case queries.RoleExposure:
			p("  exposure: true      # %s, in %s", c.Name, c.Unit)
		case queries.RoleWeight:
			p("  weights: true       # %s", c.Name)
		case queries.RoleFeature:
			if by := o.unseen(c); by != "" {
				p("  # left out: %s, since %s is 0 and nobody would have it", c.Name, by)
				continue
			}
			features = append(features, draftFeature(c))
		}
	}
	p("  features:\n%s", strings.Join(features, "\n"))
	n := int64(max(len(o.members), 3))
	p("\n# places: how many of the nodes one person may be at. People whom a fund covers buy from")
	p("# insurers too: all nodes, unless you know better. The cost counts it squared.")
	p("privacy: {rho: %g, places: %d}", o.rho, o.placesAmong(n))
	p("# people: of all nodes, as publicly expected. people_per_node: the most that any has.")
	p("expect: {people: %d, people_per_node: %d%s", n*o.perNode, o.perNode, mean)
	p("until: %s\ndeadlines: {phase: 60, share: 3600}", time.Now().AddDate(0, 3, 0).UTC().Format(time.DateOnly))
	var firms []string
	for _, m := range o.members {
		firms = append(firms, fmt.Sprintf("%q", m.Organisation))
	}
	p("\nrecipients: [%s]", strings.Join(firms, ", "))
	p("coordinator: {organisation: \"the coordinator\", key: %q}", o.facts.Key)
	printMembers(w, o.members)
	return nil
}

// column is the template's one column of a role, nil for none.
func (o *drafting) column(role string) *queries.FeatureField {
	for i, c := range o.question.Columns {
		if c.Role == role {
			return &o.question.Columns[i]
		}
	}
	return nil
}

// unseen is the parameter that, being 0, leaves nothing of a code list to be seen before
// the window; "" where there is something.
func (o *drafting) unseen(c queries.FeatureField) string {
	t := o.question.Template
	for _, col := range t.Features.Columns {
		for _, r := range t.Reads {
			named := r.Codes != nil && col.Lists == r.Codes.Parameter && slices.ContainsFunc(o.question.Codes, func(l *queries.CodeList) bool { return l.ID == c.Name })
			if named && r.LookbackParam != "" && o.question.Parameters[r.LookbackParam] == "0" {
				return r.LookbackParam
			}
		}
	}
	return ""
}

// familyOr is the family that was given, or the one that suits the response.
func (o *drafting) familyOr() string {
	switch c := o.column(queries.RoleResponse); {
	case o.family != "":
		return o.family
	case c != nil && c.Unit == "yuan":
		return string(glm.Gamma)
	}
	return string(glm.Poisson)
}

func (o *drafting) placesAmong(nodes int64) int64 {
	if o.places > 0 {
		return o.places
	}
	return nodes
}

// draftFeature is a feature of the card in YAML.
func draftFeature(c queries.FeatureField) string {
	if len(c.Levels) == 0 {
		return fmt.Sprintf("    - {name: %s, unit: %q, range: [%g, %g]}", c.Name, c.Unit, c.Lo, c.Hi)
	}
	var levels []string
	for i, l := range c.Levels {
		into := ""
		if l == "unknown" && i > 0 && len(c.Levels) > 2 {
			into = fmt.Sprintf(", into: %q", c.Levels[0])
		}
		levels = append(levels, fmt.Sprintf("{name: %q%s}", l, into))
	}
	return fmt.Sprintf("    - name: %s\n      code_list: %s\n      levels: [%s]", c.Name, c.CodeList, strings.Join(levels, ", "))
}
