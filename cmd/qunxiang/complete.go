package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// completions offers a shell what a flag may be: templates with their titles, the
// parameters of the one that was chosen and their values, purposes, formats, the
// principals of a domain, folders. It reads the program and policy.yaml alone.
func completions(c *cobra.Command) {
	for _, sub := range c.Commands() {
		completions(sub)
	}
	offers := map[string]cobra.CompletionFunc{
		"param": completeParameter, "purpose": completePurpose, "as": completePrincipal,
		"format": cobra.FixedCompletions([]string{"text", "json", "csv", "arrow", "parquet", "xlsx"}, cobra.ShellCompDirectiveNoFileComp),
	}
	for name, offer := range offers {
		if c.Flags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, offer) // it fails where there is no such flag
		}
	}
	if f := c.Flags().Lookup("template"); f != nil {
		_ = c.RegisterFlagCompletionFunc("template", completeTemplate)
	}
	for _, name := range []string{"domain", "dir"} {
		if c.Flags().Lookup(name) != nil {
			_ = c.MarkFlagDirname(name)
		}
	}
	if strings.Contains(c.Use, "TEMPLATE") && c.ValidArgsFunction == nil {
		c.ValidArgsFunction = completeTemplate
	}
}

func completeTemplate(c *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list := catalog.Templates()
	if c.HasParent() && c.Parent().Name() == "federated" {
		list = catalog.FeatureTemplates()
	}
	var out []cobra.Completion
	for _, t := range list {
		for _, name := range []string{t.Catalogue, t.ID} {
			if name != "" && strings.HasPrefix(strings.ToLower(name), strings.ToLower(begun)) {
				out = append(out, cobra.CompletionWithDesc(name, t.Title.EN))
				break
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// chosenTemplate is what --template says so far.
func chosenTemplate(c *cobra.Command) *queries.Template {
	catalog, err := queries.LoadCatalog(templates.FS)
	ref, _ := c.Flags().GetString("template")
	if err != nil || ref == "" {
		return nil
	}
	t, err := catalog.Find(ref)
	if err != nil {
		return nil
	}
	return t
}

// completeParameter offers names, and behind the sign the choices of a parameter.
func completeParameter(c *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	t := chosenTemplate(c)
	if t == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	name, _, valued := strings.Cut(begun, "=")
	var out []cobra.Completion
	for _, p := range t.Parameters {
		if !valued {
			out = append(out, cobra.CompletionWithDesc(p.Name+"=", p.Description.EN))
			continue
		}
		if p.Name != name {
			continue
		}
		for _, v := range slices.Concat(p.Values, p.Lists) {
			out = append(out, name+"="+v)
		}
		if x := t.Example[name]; x != "" && len(out) == 0 {
			out = append(out, name+"="+x)
		}
	}
	if !valued {
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func completePurpose(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if t := chosenTemplate(c); t != nil {
		return t.Purposes, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func completePrincipal(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	dir, _ := c.Flags().GetString("domain")
	p, err := policy.Load(filepath.Join(dir, "policy.yaml"))
	if dir == "" || err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, x := range p.Principals {
		out = append(out, cobra.CompletionWithDesc(x.ID, x.Organisation))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
