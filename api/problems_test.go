package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// secret stands for a cell of the data that an error text quotes.
const secret = "Jane Doe 555-1234"

// goldenProblems has an error for every kind that errors map to, by name.
var goldenProblems = map[string]error{
	"internal":           errors.New("conversion error: could not convert string '" + secret + "' to INT32"),
	"unknown-template":   fmt.Errorf("%w: %q", queries.ErrUnknownTemplate, "I33"),
	"unknown-request":    fmt.Errorf("%w: %s", queries.ErrUnknownRequest, "q-1"),
	"mostly-empty":       fmt.Errorf("%w: 64 groups of about 12 people, but groups under about 230 are not shown", queries.ErrMostlyEmpty),
	"price":              fmt.Errorf("%w: it costs rho 0.02 now, and rho 0.01 was agreed to; nothing was charged: look at the estimate again", queries.ErrPrice),
	"no-snapshot":        queries.ErrNoSnapshot,
	"idempotency-key":    queries.ErrIdempotency,
	"abandoned":          queries.ErrAbandoned,
	"parameter":          fmt.Errorf("%w: window: %q ends before it begins", queries.ErrParameter, "2017-12-31..2017-01-01"),
	"accuracy":           fmt.Errorf("%w: %w", queries.ErrAccuracy, dp.ErrTooPrecise),
	"question":           fmt.Errorf("%w: %w", queries.ErrAccuracy, fmt.Errorf("%w: more than 100000 public groups", dp.ErrTooManyCells)),
	"template-suspended": ledger.ErrSuspended,
	"budget-exhausted":   fmt.Errorf("charging: %w", &ledger.BudgetError{Scope: "city/2025", Left: dp.Cost{Rho: 12_500_000_000}}),
	"duplicate":          ledger.ErrDuplicate,
	"refused":            &policy.Refusal{Rule: policy.RulePurpose, Detail: `"fishing" is not a purpose of both claim-severity and grant g-1`},
	"unavailable":        ledger.ErrStopped,
	"no-witness":         ledger.ErrQuorum,
	"not-met":            fmt.Errorf("%w: the witnesses are away", ledger.ErrUnmet),
	"clock":              fmt.Errorf("%w: %w: it says 2046-11-21T08:00:00Z", ledger.ErrQuorum, ledger.ErrClock),
	"no-log-key":         ledger.ErrSigner,
	"busy":               context.DeadlineExceeded,
	"engine-busy":        queries.ErrBusy,
	"too-many-repeats":   queries.ErrTooFast,
	"too-many-in-flight": fmt.Errorf("%w (at most 16 at once)", queries.ErrTooMany),
	"unauthenticated":    ErrToken,
	"not-acceptable":     errNotAcceptable,
	"not-due":            notDue.problem(),
	"finished":           finished.problem(),
	"malformed":          malformed.because("a syntax error, or something after its end"),
	"validation":         &Problem{Type: problemType + invalid.name, Title: invalid.title, Status: invalid.status, Errors: []FieldError{{"body.cost", "expected number"}}},
	"too-large":          tooLarge.because("A body has at most 64 KiB."),
	"media-type":         mediaType.problem(),
	"cross-origin":       crossOrigin.problem(),
	"no-such-route":      noRoute.problem(),
	"no-such-method":     noMethod.problem(),
	"too-many-streams":   tooMany.problem(),

	"job-card":            fmt.Errorf("%w: recipients are missing", federated.ErrCard),
	"statement":           fmt.Errorf("%w: notice of %q", federated.ErrApproval, "north"),
	"not-taken":           fmt.Errorf("%w: attempt 7 is not open", federated.ErrRefused),
	"item-malformed":      fmt.Errorf("%w: sort 9", federated.ErrWire),
	"sum-malformed":       fmt.Errorf("%w: 3 bytes", secagg.ErrWire),
	"sum-order":           fmt.Errorf("%w: SHARE before CONFIRM", secagg.ErrOrder),
	"sum-roster":          fmt.Errorf("%w: node 9 of 3", secagg.ErrRoster),
	"sum-context":         secagg.ErrContext,
	"sum-signature":       secagg.ErrSignature,
	"sum-evidence":        &secagg.Evidence{},
	"sum-commitment":      secagg.ErrCommitment,
	"request-signature":   fmt.Errorf("%w: it does not verify", ErrRequestSignature),
	"not-a-member":        ErrNotMember,
	"client-certificate":  fmt.Errorf("%w: one is required here", ErrClientCertificate),
	"unknown-job":         ErrUnknownJob,
	"enrolment":           fmt.Errorf("%w: the signature does not verify", ErrEnrolment),
	"unknown-enrolment":   ErrUnknownEnrolment,
	"name-enrolled":       ErrEnrolled,
	"fingerprint":         ErrFingerprint,
	"too-many-enrolments": ErrEnrolmentsFull,
	"too-many-requests":   ErrTooFast,
}

func TestProblemsAreStable(t *testing.T) {
	for name, err := range goldenProblems {
		p := problemOf(fmt.Errorf("while asking: %w", err))
		if p.Name() != name {
			t.Errorf("%v is %q, want %q", err, p.Name(), name)
		}
		b, _ := json.MarshalIndent(p, "", "  ")
		golden(t, "problems/"+name+".json", append(b, '\n'))
		if strings.Contains(string(b), secret) || strings.Contains(string(b), "while asking") {
			t.Errorf("%s tells what it must not: %s", name, b)
		}
	}
}

// Every kind has a golden document, and nothing else has.
func TestEveryKindHasAGolden(t *testing.T) {
	names := kindNames(t)
	if len(names) < 20 {
		t.Fatalf("found only %d kinds", len(names))
	}
	for _, name := range names {
		if goldenProblems[name] == nil {
			t.Errorf("no golden problem for %s", name)
		}
	}
	files, _ := filepath.Glob("testdata/problems/*.json")
	if len(files) != len(names) || len(goldenProblems) != len(names) {
		t.Errorf("%d kinds, %d golden files, %d golden errors", len(names), len(files), len(goldenProblems))
	}
}

// kindNames reads the kinds from problems.go.
func kindNames(t *testing.T) (names []string) {
	f, err := parser.ParseFile(token.NewFileSet(), "problems.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || len(lit.Elts) != 4 {
			return true
		}
		if id, ok := lit.Type.(*ast.Ident); ok && id.Name == "kind" {
			names = append(names, strings.Trim(lit.Elts[0].(*ast.BasicLit).Value, `"`))
		}
		return true
	})
	return names
}

// Every sentinel of the layers below is in the map: one that is added later
// must be thought about here.
func TestEverySentinelIsMapped(t *testing.T) {
	source, err := os.ReadFile("problems.go")
	if err != nil {
		t.Fatal(err)
	}
	for pkg, dir := range map[string]string{"queries": "../queries", "policy": "../policy", "ledger": "../policy/ledger", "dp": "../dp", "federated": "../federated", "secagg": "../federated/secagg"} {
		for _, name := range sentinels(t, dir) {
			if !strings.Contains(string(source), "{"+pkg+"."+name+",") {
				t.Errorf("problems.go does not map %s.%s", pkg, name)
			}
		}
	}
}

// sentinels are the exported package variables named Err... of a folder.
func sentinels(t *testing.T, dir string) (names []string) {
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source in %s: %v", dir, err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					if strings.HasPrefix(n.Name, "Err") {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// An error map that never says an unlisted text: whatever wraps nothing known
// is one and the same document.
func TestUnknownErrorsAreBare(t *testing.T) {
	for _, err := range []error{errors.New(secret), fmt.Errorf("a: %w", errors.New(secret)), os.ErrNotExist, &fs.PathError{Op: "open", Path: secret, Err: os.ErrPermission}} {
		if p := problemOf(err); !reflect.DeepEqual(p, internalError.problem()) {
			t.Errorf("%v became %+v", err, p)
		}
	}
	for _, m := range problemMap {
		p := problemOf(fmt.Errorf("%w: %s", m.err, secret))
		if said := strings.Contains(p.Detail, secret); said != m.says {
			t.Errorf("%v: says %v, detail %q", m.err, m.says, p.Detail)
		}
		if p.Status >= 500 && m.says {
			t.Errorf("%v: an internal error must not say its text", m.err)
		}
	}
}

func TestDetailsAreShortAndPlain(t *testing.T) {
	p := problemOf(fmt.Errorf("%w: a\nb\x00%s", queries.ErrParameter, strings.Repeat("界", 1000)))
	if r := []rune(p.Detail); len(r) > maxDetail+3 || !strings.HasPrefix(p.Detail, "a b 界") {
		t.Errorf("detail of %d runes: %.20q", len(r), p.Detail)
	}
	if !slices.Contains([]rune(p.Detail), '界') {
		t.Error("the text was lost")
	}
}
