package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/templates"
)

func templateCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "template", Short: "Look at the approved questions and check new ones",
		Example: "  qunxiang template show I3",
	}
	c.AddCommand(templateListCommand(), templateShowCommand(), templateLintCommand(), certifyCommand(), templateResumeCommand())
	return c
}

type listedTemplate struct {
	Template  string       `json:"template"`
	Catalogue string       `json:"catalogue"`
	Digest    string       `json:"digest"`
	Title     queries.Text `json:"title"`
	Audiences []string     `json:"audiences"`
}

func templateListCommand() *cobra.Command {
	var asJSON, features bool
	c := &cobra.Command{
		Use: "list", Short: "List the catalogue", Args: cobra.NoArgs, Example: "  qunxiang template list\n  qunxiang template list --features",
		RunE: func(c *cobra.Command, _ []string) error {
			catalog, err := queries.LoadCatalog(templates.FS)
			if err != nil {
				return withCode(err)
			}
			list := []listedTemplate{}
			templates := catalog.Templates()
			if features {
				templates = catalog.FeatureTemplates()
			}
			for _, t := range templates {
				list = append(list, listedTemplate{t.Ref(), t.Catalogue, t.Digest(), t.Title, t.Audiences})
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 2, 4, 2, ' ', 0)
			for _, t := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Catalogue, t.Template, t.Title.EN, t.Title.ZH, strings.Join(t.Audiences, ", "))
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&features, "features", false, "the feature templates, which training jobs read rows by, in place of the questions")
	return c
}

func templateShowCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "show TEMPLATE", Short: "Show what a template asks, reads and bounds", Args: cobra.ExactArgs(1),
		Example: "  qunxiang template show I3",
		RunE: func(c *cobra.Command, args []string) error {
			catalog, err := queries.LoadCatalog(templates.FS)
			if err != nil {
				return withCode(err)
			}
			t, err := findEither(catalog, args[0])
			if err != nil {
				return withCode(err)
			}
			if t.Features != nil {
				return showFeatures(c.OutOrStdout(), t, catalog, asJSON)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), t.Describe())
			}
			printTemplate(c.OutOrStdout(), t, catalog)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printTemplate(w io.Writer, t *queries.Template, catalog *queries.Catalog) {
	printHead(w, t, catalog)
	fmt.Fprintln(w, "\ngroups")
	for _, k := range t.Keys {
		fmt.Fprintf(w, "  %-10s %s\n", k.Name, k.Domain())
	}
	fmt.Fprintf(w, "  a person counts in at most %d of them\n", t.L0)
	fmt.Fprintln(w, "\nmeasures")
	for _, m := range t.Measures {
		fmt.Fprintf(w, "  %-14s %s (%s): %s\n", m.Name, m.Title.EN, m.Unit, m.Bounds())
	}
	for _, d := range t.Derived {
		fmt.Fprintf(w, "  %-14s %s (%s): %s of %s, after noise\n", d.Name, d.Title.EN, d.Unit, d.Kind, d.Of)
	}
	printLimits(w, t)
}

// printHead is what every template declares.
func printHead(w io.Writer, t *queries.Template, catalog *queries.Catalog) {
	fmt.Fprintf(w, "%s  %s  %s / %s\n\n%s\n%s\n\n", t.Catalogue, t.Ref(), t.Title.EN, t.Title.ZH, t.Description.EN, t.Description.ZH)
	fmt.Fprintf(w, "digest      %s\naudiences   %s\npurposes    %s\n", t.Digest(), strings.Join(t.Audiences, ", "), strings.Join(t.Purposes, ", "))
	fmt.Fprintln(w, "\nparameters")
	for _, p := range t.Parameters {
		fmt.Fprintf(w, "  %-10s %s  %s\n", p.Name, p.Limits(), p.Description.EN)
		for _, id := range p.Lists {
			if l := catalog.CodeList(id); l != nil {
				fmt.Fprintf(w, "  %-10s   %s: %s\n", "", id, l.Title.EN)
			}
		}
	}
	fmt.Fprintln(w, "\nreads")
	for _, r := range t.Reads {
		fmt.Fprintf(w, "  %-10s %s\n", r.View, strings.Join(r.Columns, ", "))
	}
}

// printLimits ends with the SQL.
func printLimits(w io.Writer, t *queries.Template) {
	fmt.Fprintln(w, "\nlimits")
	for _, n := range t.Notes {
		fmt.Fprintf(w, "  %s\n", n.EN)
	}
	fmt.Fprintf(w, "\n%s", t.SQL)
}

func templateLintCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "lint [FILE.yaml ...]", Short: "Check templates: strict parsing, and that the SQL keeps people apart",
		Long:    "Check templates: strict parsing, and that the SQL keeps people apart. Without\nfiles, the embedded catalogue. FILE.sql and codelists/ stand beside FILE.yaml.",
		Example: "  qunxiang template lint my-question.yaml",
		RunE: func(c *cobra.Command, args []string) error {
			found, err := lintAll(args)
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				err = printJSON(c.OutOrStdout(), found)
			} else {
				for _, f := range found {
					fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", f.Template, f.Finding)
				}
			}
			if err == nil && len(found) > 0 {
				return &exitError{exitInvalid, fmt.Errorf("%d findings", len(found))}
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

type lintFinding struct {
	Template string `json:"template"`
	duckdb.Finding
}

func lintAll(files []string) ([]lintFinding, error) {
	var list []*queries.Template
	if len(files) == 0 {
		catalog, err := queries.LoadCatalog(templates.FS)
		if err != nil {
			return nil, err
		}
		list = everyTemplate(catalog)
	}
	for _, f := range files {
		t, err := loadFile(os.DirFS(filepath.Dir(f)), filepath.Base(f))
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	found := []lintFinding{}
	for _, t := range list {
		findings, err := duckdb.Lint(t)
		if err != nil {
			return nil, err
		}
		for _, f := range findings {
			found = append(found, lintFinding{t.Ref(), f})
		}
	}
	return found, nil
}

func loadFile(dir fs.FS, name string) (*queries.Template, error) {
	y, err := fs.ReadFile(dir, name)
	if err != nil {
		return nil, err
	}
	sql, err := fs.ReadFile(dir, strings.TrimSuffix(name, ".yaml")+".sql")
	if err != nil {
		return nil, err
	}
	return queries.ParseTemplate(name, y, sql)
}

func templateResumeCommand() *cobra.Command {
	var dir, as string
	c := &cobra.Command{
		Use: "resume TEMPLATE", Short: "Clear a template's suspension after too many abandoned runs", Args: cobra.ExactArgs(1),
		Long:    "Clear the suspension of a template version that was abandoned three times in a\nyear. In an evaluation domain the steward alone may.",
		Example: "  qunxiang template resume claim-severity@1.0.0 --domain D --as steward-s",
		RunE: func(c *cobra.Command, args []string) error {
			d, err := openDomain(c.Context(), dir, writing)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			t, err := d.catalog.Find(args[0])
			if err != nil {
				return withCode(err)
			}
			if err := d.policy().May(as, policy.ResumeTemplate); err != nil {
				return withCode(err)
			}
			r, err := d.ledger.Resumption(t.Ref(), as)
			if err != nil {
				return withCode(err)
			}
			waits, err := d.propose(c.Context(), keptProposal{Resume: &r})
			if err != nil {
				return withCode(err)
			}
			if waits {
				waitsForApproval(c.OutOrStdout(), t.Ref())
				return nil
			}
			fmt.Fprintf(c.OutOrStdout(), "%s may be asked again\n", t.Ref())
			return nil
		},
	}
	domainFlags(c, &dir, &as)
	return c
}

func domainFlags(c *cobra.Command, dir, as *string) {
	c.Flags().StringVar(dir, "domain", "", "directory of the domain")
	_ = c.MarkFlagRequired("domain")
	if as != nil {
		c.Flags().StringVar(as, "as", "steward-s", "principal who acts")
	}
}
