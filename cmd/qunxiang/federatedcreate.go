package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

func federatedCreateCommand() *cobra.Command {
	var dir, path string
	var check, asJSON bool
	c := &cobra.Command{
		Use: "create", Short: "Begin a job from its card, at a running coordinator", Args: cobra.NoArgs,
		Long: `Read a job card in YAML, show it in plain words as the owners will read it, and begin
its job at the coordinator that serves DIR. The card's digest names the job: send
it to the owners by another way. The same card again changes nothing.

With --check nothing is begun, and no coordinator is needed.`,
		Example: "  qunxiang federated create --card card.yaml --check\n  qunxiang federated create --dir C --card card.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			card, err := readCardYAML(path)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			text, err := card.Text()
			if err != nil {
				return &exitError{exitUsage, err}
			}
			job, err := card.Digest()
			if err != nil {
				return err
			}
			if !check {
				if dir == "" {
					return &exitError{exitUsage, fmt.Errorf("give --dir, or --check to look at the card only")}
				}
				client, err := adminClient(dir)
				if err != nil {
					return withCode(err)
				}
				defer client.Close()
				if _, err := client.Create(c.Context(), card); err != nil {
					return withCode(unreachable(err))
				}
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), map[string]any{"job": job.String(), "name": card.Job, "created": !check, "text": text})
			}
			fmt.Fprintf(c.OutOrStdout(), "%s\n%s\n", text, map[bool]string{true: "the card is sound; its digest:", false: "the job has begun; each owner approves its digest:"}[check])
			_, err = fmt.Fprintf(c.OutOrStdout(), "  %s\n", job)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "the coordinator's directory")
	f.StringVar(&path, "card", "", "the card's YAML file")
	_ = c.MarkFlagRequired("card")
	f.BoolVar(&check, "check", false, "check and show the card only")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func readCardYAML(path string) (*federated.Card, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	card, err := federated.ParseCard(filepath.Base(path), text)
	if err != nil {
		return nil, err
	}
	return card, knownSource(card)
}

// knownSource checks the parameters of a template that this program has too. Cards of
// other templates are for the nodes to judge.
func knownSource(card *federated.Card) error {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		return err
	}
	t, err := catalog.FindFeatures(card.Source.Template)
	if err != nil || t.Digest() != card.Source.Digest {
		return nil
	}
	q, err := catalog.CompileFeatures(t, card.Source.Parameters, queries.Source{})
	if err != nil {
		return fmt.Errorf("%w: source: %w", federated.ErrCard, err)
	}
	return inForce(card, q)
}
