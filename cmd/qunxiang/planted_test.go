package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/certify"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// Every planted violation is refused, by the name in its first line.
func TestPlantedViolationsAreRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "planted")
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	chosen, certs, err := folder(catalog, dir)
	if err != nil {
		t.Fatal(err)
	}
	more, err := certifyAll(t.Context(), catalog, chosen, 1000, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	certs = append(certs, more...)
	if len(certs) < 25 {
		t.Fatalf("only %d planted", len(certs))
	}
	for _, c := range certs {
		id, _, _ := strings.Cut(strings.TrimSuffix(c.Template, ".yaml"), "@")
		text, err := os.ReadFile(filepath.Join(dir, id+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		code, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# refused: "), ".")
		if c.Passed || !named(c, code) {
			t.Errorf("%s: want a finding %s, got %v", id, code, c.Findings)
		}
	}
}

func named(c *certify.Certificate, code string) bool {
	for _, f := range c.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}
