package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/certify"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// certifyPeople is how many synthetic people a template is tried on: enough that
// every example meets some, few enough that each can be tried alone.
const certifyPeople = 200

func certifyCommand() *cobra.Command {
	var all, asJSON bool
	var out, list, record string
	var draws int
	c := &cobra.Command{
		Use: "certify [TEMPLATE | FOLDER]", Short: "Try templates on synthetic people and write what an approver must know", Args: cobra.MaximumNArgs(1),
		Long: `Try templates on synthetic people: strict parsing, the proof that the SQL keeps
people apart, no column that is not read, every person alone within the bounds,
random partitions that add up to the whole, and the noise against the cost that
is charged. A FOLDER, which has no template's name, holds pairs of <id>.yaml and
<id>.sql, which use the catalogue's code lists. The report is Markdown, or JSON.

Exit codes: 0 every template passed, 5 one was refused.`,
		Example: "  qunxiang template certify I3\n  qunxiang template certify --all --out certificates",
		RunE: func(c *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return &exitError{exitUsage, fmt.Errorf("give a template or a folder, or --all")}
			}
			catalog, chosen, refused, err := certified(args)
			if err != nil {
				return withCode(err)
			}
			certs, err := certifyAll(c.Context(), catalog, chosen, draws, c.ErrOrStderr())
			if err != nil {
				return withCode(err)
			}
			certs = append(refused, certs...)
			if list != "" {
				if err := writeList(list, certs); err != nil {
					return err
				}
			}
			if record != "" {
				text, err := certify.Record(certs)
				if err != nil {
					return err
				}
				if err := os.WriteFile(record, text, 0o644); err != nil {
					return err
				}
			}
			return showCertificates(c.OutOrStdout(), certs, out, asJSON, all)
		},
	}
	f := c.Flags()
	f.BoolVar(&all, "all", false, "every template of the catalogue")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.StringVar(&out, "out", "", "also write a .md and a .json for each template into this folder")
	f.StringVar(&list, "list", "", "also write the digests of those that passed into this file, as a catalogue's certified.txt")
	f.StringVar(&record, "record", "", "also write what was found of those that passed into this file, as a catalogue's certificates.json")
	f.IntVar(&draws, "draws", 100_000, "draws of each neighbour in the statistical test; fewer for who moves more than 4 cells, at least a tenth")
	return c
}

// findEither finds a question or a feature template.
func findEither(catalog *queries.Catalog, ref string) (*queries.Template, error) {
	t, err := catalog.Find(ref)
	if errors.Is(err, queries.ErrFeatures) {
		return catalog.FindFeatures(ref)
	}
	return t, err
}

// everyTemplate lists the questions, then the feature templates.
func everyTemplate(catalog *queries.Catalog) []*queries.Template {
	return slices.Concat(catalog.Templates(), catalog.FeatureTemplates())
}

// certified finds the templates: the catalogue's, one of them, or a folder's.
// What cannot be parsed is refused at once.
func certified(args []string) (*queries.Catalog, []*queries.Template, []*certify.Certificate, error) {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(args) == 0 {
		return catalog, everyTemplate(catalog), nil, nil
	}
	t, err := findEither(catalog, args[0])
	if info, noFolder := os.Stat(args[0]); err == nil || noFolder != nil || !info.IsDir() {
		return catalog, []*queries.Template{t}, nil, err
	}
	chosen, refused, err := folder(catalog, args[0])
	return catalog, chosen, refused, err
}

func folder(catalog *queries.Catalog, dir string) (chosen []*queries.Template, refused []*certify.Certificate, err error) {
	names, err := fs.Glob(os.DirFS(dir), "*.yaml")
	if err != nil || len(names) == 0 {
		return nil, nil, &exitError{exitUsage, fmt.Errorf("%s holds no templates", dir)}
	}
	slices.Sort(names)
	for _, name := range names {
		path := filepath.Join(dir, name)
		yaml, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		text, err := os.ReadFile(strings.TrimSuffix(path, ".yaml") + ".sql")
		if err != nil {
			return nil, nil, err
		}
		t, err := queries.ParseTemplate(name, yaml, text)
		if err == nil {
			err = catalog.KnowsListsOf(t)
		}
		if err != nil {
			refused = append(refused, &certify.Certificate{Template: name, Findings: []certify.Finding{{Code: "parse", Text: err.Error()}}})
			continue
		}
		chosen = append(chosen, t)
	}
	return chosen, refused, nil
}

func certifyAll(ctx context.Context, catalog *queries.Catalog, chosen []*queries.Template, draws int, log io.Writer) ([]*certify.Certificate, error) {
	dir, err := os.MkdirTemp("", "qunxiang-certify-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	o, done, err := certifyOptions(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer done()
	o.Catalog, o.Draws = catalog, draws
	out, failed := make([]*certify.Certificate, len(chosen)), make([]error, len(chosen))
	var at atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex // of log
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			// From the last: the slowest, a whole population of marginals, is near the end.
			for i := len(chosen) - int(at.Add(1)); i >= 0; i = len(chosen) - int(at.Add(1)) {
				out[i], failed[i] = certify.Certify(ctx, chosen[i], o)
				mu.Lock()
				fmt.Fprintf(log, "%-4s%-40s %s\n", chosen[i].Catalogue, chosen[i].Ref(), verdict(out[i]))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return out, errors.Join(failed...)
}

func verdict(c *certify.Certificate) string {
	switch {
	case c == nil:
		return "could not be tried"
	case !c.Passed:
		return "refused: " + c.Findings[0].Code
	}
	return "certified"
}

// certifyOptions makes the synthetic people and an engine that can leave any of
// them out: an epoch stands for who is left.
func certifyOptions(ctx context.Context, dir string) (certify.Options, func(), error) {
	key, err := dataset.LoadOrCreateKey(filepath.Join(dir, "person.key"))
	if err != nil {
		return certify.Options{}, nil, err
	}
	m, _, err := dataset.Synth(ctx, dataset.SynthOptions{
		Domain: dir, Key: key, People: certifyPeople, Settlements: 40 * certifyPeople, Seed: 1, Open: duckdb.OpenWriter,
	})
	if err != nil {
		return certify.Options{}, nil, err
	}
	keys, err := personKeys(ctx, dir, m.ID)
	if err != nil {
		return certify.Options{}, nil, err
	}
	subsets := &subsets{keys: keys, number: map[string]int64{}}
	engine, err := duckdb.Open(duckdb.Options{Domain: dir, OptOuts: subsets.without})
	if err != nil {
		return certify.Options{}, nil, err
	}
	return certify.Options{
		Engine: engine, Rows: engine, Prove: duckdb.Prove,
		Population: certify.Population{
			Source: queries.Source{Snapshot: m.ID, MaxRows: m.MostRows()}, People: len(keys), Only: subsets.only,
		},
	}, func() { _ = engine.Close() }, nil
}

func personKeys(ctx context.Context, dir, id string) ([][16]byte, error) {
	db, err := duckdb.OpenSnapshot(ctx, duckdb.SnapshotOptions{Path: dataset.DataPath(dir, id)})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT psn_key FROM "+duckdb.SnapshotCatalog+".main.person ORDER BY psn_key")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return scanKeys(rows)
}

func scanKeys(rows *sql.Rows) ([][16]byte, error) {
	var out [][16]byte
	for rows.Next() {
		var n *big.Int
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		var k [16]byte
		n.FillBytes(k[:])
		out = append(out, k)
	}
	return out, rows.Err()
}

// subsets numbers sets of people.
type subsets struct {
	keys [][16]byte

	mu     sync.Mutex
	number map[string]int64
	sets   [][]int
}

func (s *subsets) only(people []int) int64 {
	name := fmt.Sprint(people)
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.number[name]
	if !ok {
		s.sets = append(s.sets, slices.Clone(people))
		n = int64(len(s.sets))
		s.number[name] = n
	}
	return n
}

// without lists everyone who is not in the set of that number.
func (s *subsets) without(epoch int64) ([][16]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch < 1 || epoch > int64(len(s.sets)) {
		return nil, fmt.Errorf("no set %d", epoch)
	}
	left := map[int]bool{}
	for _, p := range s.sets[epoch-1] {
		left[p] = true
	}
	var out [][16]byte
	for i, k := range s.keys {
		if !left[i] {
			out = append(out, k)
		}
	}
	return out, nil
}

func writeList(name string, certs []*certify.Certificate) error {
	var b strings.Builder
	for _, c := range certs {
		if c.Passed {
			fmt.Fprintf(&b, "%s %s\n", c.Digest, c.Template)
		}
	}
	return os.WriteFile(name, []byte(b.String()), 0o644)
}

func showCertificates(w io.Writer, certs []*certify.Certificate, out string, asJSON, all bool) error {
	passed := true
	for _, c := range certs {
		passed = passed && c.Passed
		if out == "" {
			continue
		}
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		body, err := json.MarshalIndent(c, "", "  ")
		if err != nil {
			return err
		}
		for suffix, text := range map[string]string{".md": c.Markdown(), ".json": string(body) + "\n"} {
			if err := os.WriteFile(filepath.Join(out, c.Template+suffix), []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	switch {
	case asJSON:
		if err := printJSON(w, certs); err != nil {
			return err
		}
	case !all:
		for _, c := range certs {
			fmt.Fprintln(w, c.Markdown())
		}
	}
	if !passed {
		return &exitError{exitInvalid, nil}
	}
	return nil
}
