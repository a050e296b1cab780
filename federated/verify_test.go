package federated

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// checked runs a job of two rounds and gives a node's folder.
func checked(t *testing.T) (*world, string, VerifyOptions) {
	w := newWorld(t, 2, 12).openNodes().run()
	w.sameModel()
	p := w.parties[1]
	job := p.node.job
	key := ledger.VerifierKey(testTown, p.ledgerSigner.Public().(ed25519.PublicKey))
	return w, p.dir, VerifyOptions{Job: &job, LedgerKey: key, unprotected: unprotected}
}

func TestVerify(t *testing.T) {
	w, dir, o := checked(t)
	v, err := Verify(dir, o)
	must(t, err)
	fit := w.sameModel()
	if v.Fit == nil || v.Fit.Coefficients.Hash() != fit.Coefficients.Hash() || len(v.Rounds) != 2 || len(v.Burnt) != 0 {
		t.Fatalf("%+v", v)
	}
	if last := v.Rounds[1].Step; last != v.Fit.LastStep || v.Rounds[0].Step.Norm <= last.Norm {
		t.Errorf("the steps are %+v and %+v", v.Rounds[0].Step, last)
	}
	if spent := w.parties[1].ledger.Spent(testTown + "/life").Rho; v.Rho != spent {
		t.Errorf("rho %d is proven, %d was charged", v.Rho, spent)
	}
	// With the noise of the card the steps are others: the test's plan is not the card's.
	o.unprotected = nil
	_, err = Verify(dir, o)
	mustBe(t, err, ErrVerify)
}

func TestVerifyWithNoise(t *testing.T) {
	w := newWorld(t, 2, 500)
	w.noise = true
	w.openNodes().run()
	w.sameModel()
	for _, p := range w.parties {
		_, err := Verify(p.dir, VerifyOptions{})
		must(t, err)
	}
}

// An unfinished job verifies as far as it went.
func TestVerifyUnfinished(t *testing.T) {
	w := newWorld(t, 3, 12).openNodes()
	for w.parties[0].node.Round() < 1 {
		w.turn()
	}
	v, err := Verify(w.parties[0].dir, VerifyOptions{unprotected: unprotected})
	must(t, err)
	if len(v.Rounds) != 1 || v.Fit != nil {
		t.Fatalf("%+v", v)
	}
}

// Every kind of tampering has its code.
func TestVerifyTampered(t *testing.T) {
	_, dir, o := checked(t)
	flip := func(name string, at int) func(d string) error {
		return func(d string) error {
			b, err := os.ReadFile(filepath.Join(d, name))
			if err != nil {
				return err
			}
			b[(at+len(b))%len(b)] ^= 1
			return os.WriteFile(filepath.Join(d, name), b, 0o600)
		}
	}
	gone := func(name string) func(d string) error {
		return func(d string) error { return os.Remove(filepath.Join(d, name)) }
	}
	swap := func(a, b string) func(d string) error {
		return func(d string) error {
			x, err := os.ReadFile(filepath.Join(d, a))
			return errors.Join(err, os.WriteFile(filepath.Join(d, b), x, 0o600))
		}
	}
	cases := []struct {
		name, code string
		do         func(d string) error
	}{
		{"the card", VerifyCard, func(d string) error {
			b, err := os.ReadFile(filepath.Join(d, "card.json"))
			b = bytes.Replace(b, []byte("Health Fund"), []byte("Wealth Fund"), 1)
			return errors.Join(err, os.WriteFile(filepath.Join(d, "card.json"), b, 0o600))
		}},
		{"no card", VerifyMissing, gone("card.json")},
		{"an approval", VerifyApproval, flip("approval-2.json", -20)},
		{"no approval", VerifyMissing, gone("approval-0.json")},
		{"another's approval", VerifyApproval, swap("approval-0.json", "approval-1.json")},
		{"a sum", VerifyTranscript, flip("attempt-1/sum", 8)},
		{"no sum", VerifyMissing, gone("attempt-2/sum")},
		{"an opened share", VerifyTranscript, flip("attempt-1/part-3-2-0", 500)},
		{"no ciphertext", VerifyMissing, gone("attempt-2/part-0-1-0")},
		{"another round's ciphertext", VerifyTranscript, swap("attempt-1/part-1-1-0", "attempt-2/part-1-1-0")},
		{"another round's message", VerifyTranscript, swap("attempt-1/RESULT-1", "attempt-2/RESULT-1")},
		{"rounds in another order", VerifyTranscript, swap("round-0", "round-1")},
		{"no first round", VerifyMissing, gone("round-0")},
		{"a charge", VerifyCharge, flip("attempt-1/charge.json", 60)},
		{"no charge", VerifyMissing, gone("attempt-2/charge.json")},
		{"another attempt's charge", VerifyCharge, swap("attempt-1/charge.json", "attempt-2/charge.json")},
		{"no model", VerifyMissing, gone("model.json")},
		{"the model", VerifyModel, func(d string) error {
			b, err := os.ReadFile(filepath.Join(d, "model.json"))
			at := regexp.MustCompile(`"coefficients": \[\s*-?`).FindIndex(b)[1]
			b[at] = '1' + (b[at]-'0')%9 // another first digit
			return errors.Join(err, os.WriteFile(filepath.Join(d, "model.json"), b, 0o600))
		}},
		{"the model's errors", VerifyModel, func(d string) error {
			b, err := os.ReadFile(filepath.Join(d, "model.json"))
			b = bytes.Replace(b, []byte(`"SE":`), []byte(`"SE": 0.1, "Old":`), 1)
			return errors.Join(err, os.WriteFile(filepath.Join(d, "model.json"), b, 0o600))
		}},
	}
	for f := secagg.PhaseHello; f <= secagg.PhaseResult; f++ {
		cases = append(cases, struct {
			name, code string
			do         func(d string) error
		}{f.String(), VerifyTranscript, flip("attempt-2/"+f.String()+"-1", -1)})
	}
	for _, c := range cases {
		d := filepath.Join(memoryDir(t), "copy")
		copyDir(t, dir, d)
		must(t, c.do(d))
		_, err := Verify(d, o)
		var e *VerifyError
		if !errors.As(err, &e) || e.Code != c.code || !errors.Is(err, ErrVerify) {
			t.Errorf("%s: %v, want code %q", c.name, err, c.code)
		}
		must(t, os.RemoveAll(d))
	}
	key := o.LedgerKey
	o.LedgerKey = "another"
	_, err := Verify(dir, o)
	mustBe(t, err, ErrVerify)
	o.Earlier = []string{"a third", key} // its ledger has another key by now
	_, err = Verify(dir, o)
	must(t, err)
	o.LedgerKey, o.Job = "", &secagg.Hash{1}
	_, err = Verify(dir, o)
	mustBe(t, err, ErrVerify)
}

// The stored model says which attempts closed its rounds, and its members have one
// meaning: a reader must not read others than the verifier did.
func TestVerifyForgedModel(t *testing.T) {
	_, dir, o := checked(t)
	attempts := regexp.MustCompile(`(?s)"attempts": \[.*?\]`)
	proven := regexp.MustCompile(`(?s)"coefficients": (\[.*?\])`)
	for name, forge := range map[string]func([]byte) []byte{
		"other attempts": func(b []byte) []byte { return attempts.ReplaceAll(b, []byte(`"attempts": [77, 78]`)) },
		"no attempts":    func(b []byte) []byte { return attempts.ReplaceAll(b, []byte(`"attempts": []`)) },
		"coefficients of somebody's choice beside the proven ones in another case": func(b []byte) []byte {
			list := proven.FindSubmatch(b)[1]
			return bytes.Replace(b, append([]byte(`"coefficients": `), list...), append([]byte(`"coefficients": [1, 2, 3], "Coefficients": `), list...), 1)
		},
		"coefficients twice": func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"coefficients":`), []byte(`"coefficients": [1, 2, 3], "coefficients":`), 1)
		},
		"a member that nobody knows": func(b []byte) []byte {
			return bytes.Replace(b, []byte(`{`), []byte(`{"approved_by": "the regulator",`), 1)
		},
		"a second model after it": func(b []byte) []byte { return append(b, "{}"...) },
	} {
		d := filepath.Join(memoryDir(t), "copy")
		copyDir(t, dir, d)
		path := filepath.Join(d, "model.json")
		b, err := os.ReadFile(path)
		must(t, err)
		forged := forge(bytes.Clone(b))
		if bytes.Equal(b, forged) {
			t.Fatalf("%s: nothing is changed", name)
		}
		must(t, os.WriteFile(path, forged, 0o600))
		_, err = Verify(d, o)
		var e *VerifyError
		if !errors.As(err, &e) || e.Code != VerifyModel {
			t.Errorf("%s: %v", name, err)
		}
		must(t, os.RemoveAll(d))
	}
}

// The verifier names nothing that the coordinator, its feed or its store declares.
func TestVerifySharesNoCodeWithTheCoordinator(t *testing.T) {
	set := token.NewFileSet()
	theirs := map[string]bool{}
	for _, name := range []string{"coordinator.go", "coordpost.go", "coordrestore.go", "coordforget.go", "feed.go", "store.go"} {
		f, err := parser.ParseFile(set, name, nil, 0)
		must(t, err)
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					theirs[d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok {
						theirs[s.Name.Name] = true
					}
				}
			}
		}
	}
	if !theirs["Coordinator"] || !theirs["folder"] || !theirs["partName"] {
		t.Fatal("the list is not what it should be")
	}
	local := map[string]bool{"attempt": true} // a name of its own there
	for _, name := range []string{"verify.go", "verifycharge.go", "verifytranscript.go"} {
		f, err := parser.ParseFile(set, name, nil, 0)
		must(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && theirs[id.Name] && !local[id.Name] {
				t.Errorf("%s names %s", name, id.Name)
			}
			return true
		})
	}
}
