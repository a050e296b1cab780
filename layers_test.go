package qunxiang_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/qunxiang/qunxiang/"

// layers, from the top. A package may import packages of its own folder's layer
// or of a lower one.
var layers = []string{"cmd", "api", "federated", "queries", "policy", "dp"}

// adapters may be wired by cmd only: a parent, a sibling or a lower layer never
// imports them.
var adapters = []string{"queries/duckdb", "queries/templates", "queries/child", "policy/audit", "policy/audit/lanes", "api/console"}

// testOnly packages hold oracles that read exact totals, or fail on purpose.
var testOnly = []string{"dp/dptest", "queries/enginetest", "federated/glm/glmtest", "policy/ledger/ledgertest"}

// only lists who may import a foreign module.
var only = map[string][]string{
	"github.com/google/differential-privacy": {"dp"},
	"github.com/duckdb/":                     {"queries/duckdb"},
	"github.com/apache/arrow-go":             {"queries/duckdb"},
	"github.com/labstack/echo":               {"api"},
	"github.com/danielgtaylor/huma":          {"api"},
	"github.com/spf13/cobra":                 {"cmd/qunxiang"},
	"github.com/tuneinsight/lattigo":         {"federated/secagg"},
}

type pkg struct {
	ImportPath                string
	Imports                   []string
	TestImports, XTestImports []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-tags", "duckdb_arrow", "-json=ImportPath,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func layer(path string) int {
	top, _, _ := strings.Cut(path, "/")
	return slices.Index(layers, top)
}

// violation says which rule an import breaks, or "".
func violation(from, to string) string {
	own, ours := strings.CutPrefix(to, module)
	if !ours {
		for prefix, who := range only {
			if strings.HasPrefix(to, prefix) && !slices.Contains(who, from) {
				return "only " + strings.Join(who, ", ") + " may import " + prefix
			}
		}
		return ""
	}
	switch {
	case layer(own) < 0:
		return "a package outside the house"
	case layer(own) < layer(from):
		return "imports go downwards only"
	case layer(from) == slices.Index(layers, "federated") && layer(own) == slices.Index(layers, "queries"):
		return "federated and queries stand side by side"
	case slices.Contains(testOnly, own) && !slices.Contains(testOnly, from):
		return "only tests may read exact totals or fail on purpose"
	case from == "api/door":
		return "the door imports nothing of ours"
	case own == "queries/sandbox" && from != "queries/child":
		return "only the engine's own processes shut themselves in"
	case from == "queries/sandbox":
		return "the sandbox imports nothing of ours"
	case from == "policy/witness":
		return "witnesses, logs and auditors use it: it imports nothing of ours"
	case from == "queries/locality":
		return "the proof of locality imports nothing of ours"
	case strings.HasPrefix(from, "federated/glm") && own != "dp" && !strings.HasPrefix(own, "federated/glm"):
		return "the numerics import dp only"
	case from == "policy/audit/lanes":
		return "the auditor's way to hash imports nothing of ours"
	case from == "policy/audit" && own == "policy/audit/lanes":
		return ""
	case slices.Contains(adapters, own) && !strings.HasPrefix(from, "cmd/"):
		return "only cmd wires adapters"
	case strings.HasPrefix(from, "policy/audit") && own == "policy/ledger":
		return "the auditor's fold is written apart from the ledger's"
	}
	return ""
}

func TestImportsGoDownwards(t *testing.T) {
	pkgs := list(t)
	if len(pkgs) < 10 {
		t.Fatalf("go list found only %d packages", len(pkgs))
	}
	for _, p := range pkgs {
		from, ok := strings.CutPrefix(p.ImportPath, module)
		if !ok {
			continue // the root package has this test only
		}
		if layer(from) < 0 {
			t.Errorf("%s is in no layer of the house", from)
		}
		for _, to := range p.Imports {
			if v := violation(from, to); v != "" {
				t.Errorf("%s imports %s: %s", from, to, v)
			}
		}
	}
}

// The rules themselves are tried, so that a slip in them does not pass silently.
func TestViolations(t *testing.T) {
	for _, c := range []struct {
		from, to string
		refused  bool
	}{
		{"queries", module + "policy/ledger", false},
		{"queries", module + "queries/dataset", false},
		{"queries", module + "queries/locality", false},
		{"queries/locality", module + "queries/dataset", true},
		{"queries", module + "queries/duckdb", true},
		{"queries", module + "queries/child", true},
		{"queries/child", module + "queries/sandbox", false},
		{"queries/child", module + "queries/duckdb", true},
		{"cmd/qunxiang", module + "queries/sandbox", true},
		{"queries/sandbox", module + "dp", true},
		{"queries", module + "api", true},
		{"policy", module + "queries", true},
		{"dp", module + "policy", true},
		{"api", module + "queries/duckdb", true},
		{"queries", module + "dp/dptest", true},
		{"queries/enginetest", module + "dp/dptest", false},
		{"policy/ledger", module + "policy/ledger/ledgertest", true},
		{"policy/audit", module + "policy/ledger", true},
		{"policy/audit", module + "policy/witness", false},
		{"policy/audit", module + "policy/audit/lanes", false},
		{"policy/ledger", module + "policy/audit/lanes", true},
		{"policy/audit/lanes", module + "policy/witness", true},
		{"policy/ledger", module + "policy/witness", false},
		{"policy/witness", module + "policy/ledger", true},
		{"policy/witness", module + "dp", true},
		{"federated/glm", module + "dp", false},
		{"federated/glm", module + "policy", true},
		{"federated/glm", module + "federated", true},
		{"federated", module + "federated/glm", false},
		{"federated", module + "federated/glm/glmtest", true},
		{"queries", module + "federated/glm", true},
		{"queries", "github.com/duckdb/duckdb-go/v2", true},
		{"queries/duckdb", "github.com/duckdb/duckdb-go/v2", false},
		{"api", "github.com/google/differential-privacy/go/v3/noise", true},
		{"api", module + "extra/x", true},
		{"cmd/qunxiang", module + "queries/duckdb", false},
		{"api", module + "federated", false},
		{"api", module + "api/door", false},
		{"api/door", module + "federated", true},
		{"api/federation", module + "federated", false},
		{"api/federation", module + "queries/duckdb", true},
		{"federated", module + "api/federation", true},
		{"federated", module + "federated/secagg", false},
		{"federated", module + "policy/ledger", false},
		{"federated", module + "queries", true},
		{"queries", module + "federated", true},
		{"federated", "github.com/tuneinsight/lattigo/v6/ring", true},
		{"federated/secagg", "github.com/tuneinsight/lattigo/v6/ring", false},
	} {
		if got := violation(c.from, c.to) != ""; got != c.refused {
			t.Errorf("%s -> %s: refused %v, want %v", c.from, c.to, got, c.refused)
		}
	}
}
