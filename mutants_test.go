//go:build mutants

package qunxiang_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mutant is the code with one privacy rule broken on purpose, and the tests that
// must then fail.
type mutant struct {
	name, file, old, broken string
	pkg, run                string
}

var mutants = []mutant{
	{"L0 is one more", "dp/bound.go", "l0 := s.c.spec.L0\n", "l0 := min(s.c.spec.L0+1, len(s.ranks))\n", "./dp", "Neighbour|ManyRows"},
	{"groups chosen without the salt", "dp/bound.go", "w.person = siphash.New(w.salt).", "w.person = siphash.New(siphash.Key{}).", "./dp", "."},
	{"groups chosen by the place in the batch", "dp/bound.go", "s.ranks = append(s.ranks, rank{person.SumWord(s.words[g]), int32(l)})", "_ = person\n\t\ts.ranks = append(s.ranks, rank{uint64(g) * 0x9e3779b97f4a7c15, int32(l)})", "./dp", "."},
	{"rows are not clamped", "dp/contribute.go", "w.add(min(max(v, m.RowLo), m.RowHi) - m.Centre)", "w.add(v - m.Centre)", "./dp", "."},
	{"a person's total is not clamped", "dp/contribute.go", "return min(max(w.value(), m.Lo), m.Hi), n", "return w.value(), n", "./dp", "."},
	{"float sums", "dp/contribute.go", "return hi<<32 | w.lo&math.MaxUint32", "return int64(float32(hi<<32 | w.lo&math.MaxUint32))", "./dp", "."},
	{"threshold on the noisy count only", "dp/plan.go", "return n >= k && noisy >= k-1+p.tau", "return noisy >= k-1+p.tau", "./dp", "Threshold|Shown|Below"},
	{"threshold on the bare count only", "dp/plan.go", "return n >= k && noisy >= k-1+p.tau", "return n >= k", "./dp", "Threshold|Shown|Below|K"},
	{"tau without the half", "dp/plan.go", "normal.Quantile(p*(1-1e-12))+0.5", "normal.Quantile(p*(1-1e-12))", "./dp", "Tau|Threshold"},
	{"public groups only where people are", "dp/release.go", "if p.c.radix != nil || s.cells[g*n] >= int64(p.c.spec.K) {", "if s.cells[g*n] >= int64(p.c.spec.K) {", "./dp", "."},
	{"people drawn twice", "dp/release.go", "for i, ch := range p.c.channels[1:] {", "noisy[0], _ = p.add(noise, cells[0], 0)\n\tfor i, ch := range p.c.channels[1:] {", "./dp", "Once|Drawn"},
	{"a sum charged for half of its bound", "dp/channel.go", "m.channels = []int{c.add(m.Name, 1, m.linf(), 1, square(m.linf()))}", "m.channels = []int{c.add(m.Name, 1, max(1, m.linf()/2), 1, square(max(1, m.linf()/2)))}", "./dp", "."},
	{"L0 is not charged", "dp/gaussian.go", "rho, err := channelRho(int64(l0), c.delta2, d.sigma)", "rho, err := channelRho(1, c.delta2, d.sigma)", "./dp", "."},
	{"lookback years are free", "queries/compile.go", "for y := v.From.Year(); y <= v.To.Year(); y++ {", "for y := w.From.Year(); y <= v.To.Year(); y++ {", "./queries", "Years"},
	{"a dearer answer than was agreed to", "queries/estimate.go", "case agreed == 0 || rho <= agreed:", "case true:", "./queries", "TestAgreedPrice"},
	{"offering little tells what others have asked", "queries/ask.go", "ok && (dear == nil || r.State.Handed(rel.ID, principal))", "ok", "./queries", "TestPriceTellsNothingOfOthers"},
	{"the agreed price is of an idempotency key's request", "queries/request.go", "\tr.MaxRho = 0\n\tbody", "\tbody", "./queries", "TestAgreedPriceIsNoPart"},
	{"a release before its checkpoint", "queries/run.go", "r.sleepUntil(t.Due)\n", "", "./queries", "Slot"},
	{"opt-outs are ignored", "queries/duckdb/views.go", "if len(out) == 0 {", "if true {", "./queries/duckdb", "Within|OptOut"},
	{"the window is open", "queries/duckdb/views.go", `return []string{ident(table.Time.Date) + " BETWEEN " + first + " AND " + last}, nil`, `_, _ = first, last
		return nil, nil`, "./queries/duckdb", "ViewSQL"},
	{"ties of a window are let through", "queries/locality/lintties.go", "if !byPlace(fold(w.Function)) && !framedByRows(w) {", "if true {", "./queries/duckdb", "TestCorpus"},
	{"a series' total is not priced at each position", "dp/vector.go", "func (m *measure) seriesDelta2() *big.Int {\n", "func (m *measure) seriesDelta2() *big.Int {\n\tif m.Kind == KindSeries {\n\t\treturn new(big.Int).Mul(big.NewInt(m.linf()), big.NewInt(m.linf()))\n\t}\n", "./dp", "."},
	{"looking back to before the data", "queries/compile.go", "if src.From.IsZero() || !from.Before(src.From) {", "if true {", "./queries", "Lookback"},
	{"no filter of system calls", "queries/sandbox/sandbox_linux.go", "if err := filter(); err != nil", "if err := error(nil); err != nil", "./queries/sandbox", "TestNothingGetsOut"},
	{"no Landlock", "queries/sandbox/sandbox_linux.go", "if version, err = landlock(o); err != nil {", "if version, err = 0, error(nil); err != nil {", "./queries/sandbox", "TestNothingGetsOut"},
	{"what a process says is not held against the plan", "queries/child/answerer.go", " || o.Plan().Check(s.Table) != nil", "", "./queries/child", "TestOnlyTheOneAnswerCounts"},
	{"a process may say more than its answer", "queries/child/answerer.go", " || !p.ended()", "", "./queries/child", "TestOnlyTheOneAnswerCounts"},
	{"an answer to another question", "queries/child/process.go", "if s.ID != a.ID {", "if false {", "./queries/child", "TestOnlyTheOneAnswerCounts"},
	{"any JSON from a process", "queries/child/wire.go", "err != nil || !bytes.Equal(again, body.Bytes())", "err != nil || again == nil", "./queries/child", "TestOnlyTheOneAnswerCounts"},
	{"a failed process is asked again", "queries/child/answerer.go", "\t\ta.checker.end()\n\t\ta.checker = nil\n\t\treturn said{}, ErrProcess\n", "\t\treturn said{}, ErrProcess\n", "./queries/child", "TestKilledProcesses"},
	{"the digest of job and plan is not compared", "queries/order.go", "if o.Seal != seal {", "if false {", "./queries", "TestChangedOrders"},
	{"a process runs what comes to another job", "queries/order.go", "if o.Seal != seal {", "if false {", "./queries/child", "TestProcessHolds"},
	{"a group below the threshold from elsewhere", "dp/tablecheck.go", " || people < float64(p.Threshold())", "", "./dp", "TestOtherTables"},
	{"noise is examined away", "dp/proof/proof.go", "if !e.Public {", "if false {", "./dp/proof", "OnlyPublic"},
}

// others are the mutants of which the short run tries a sample.
func others() []mutant {
	return slices.Concat(keyMutants, witnessMutants, trustMutants, foldMutants, surfaceMutants, consoleMutants, partyMutants, crashMutants, receiptMutants, operationsMutants, scriptMutants)
}

// chosen are the mutants of this run: with QUNXIANG_LONG, or where QUNXIANG_MUTANTS chooses
// by name, out of all, else a sample.
func chosen() []mutant {
	var training []mutant
	for _, a := range attacks {
		a.name = a.on + ": " + a.name
		training = append(training, a.mutant)
	}
	list := slices.Concat(sample(mutants, 3), sample(others(), 25), sample(training, 6))
	if os.Getenv("QUNXIANG_LONG") != "" || os.Getenv("QUNXIANG_MUTANTS") != "" {
		list = slices.Concat(mutants, others(), training, trainingMutants)
	}
	only := regexp.MustCompile(os.Getenv("QUNXIANG_MUTANTS"))
	return slices.DeleteFunc(list, func(m mutant) bool { return !only.MatchString(m.name) })
}

// sample is every n-th mutant.
func sample(all []mutant, n int) (some []mutant) {
	for i := 0; i < len(all); i += n {
		some = append(some, all[i])
	}
	return some
}

// Every mutant has its one place in the sources, those of the long run included: a rule
// whose code has changed would be without a mutant, and nobody would know.
func TestMutantsHaveTheirPlaces(t *testing.T) {
	all := slices.Concat(mutants, others(), trainingMutants)
	for _, a := range attacks {
		all = append(all, a.mutant)
	}
	for _, m := range all {
		source, err := os.ReadFile(m.file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(source), m.old); n != 1 {
			t.Errorf("%s: %s has %d places like %q", m.name, m.file, n, m.old)
		}
	}
}

// Every broken rule is seen by the tests. The mutants are laid over the sources
// by the go command: the code itself knows nothing of them.
func TestMutantsAreCaught(t *testing.T) {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range chosen() {
		t.Run(m.name, func(t *testing.T) {
			path := filepath.Join(root, m.file)
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Count(string(source), m.old) != 1 {
				t.Fatalf("%s has %d places like %q", m.file, strings.Count(string(source), m.old), m.old)
			}
			dir := t.TempDir()
			broken, overlay := filepath.Join(dir, "broken.go"), filepath.Join(dir, "overlay.json")
			if err := os.WriteFile(broken, []byte(strings.Replace(string(source), m.old, m.broken, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(overlay, text, 0o600); err != nil {
				t.Fatal(err)
			}
			failures := filepath.Join(root, m.pkg, "testdata", "rapid")
			if _, err := os.Stat(failures); os.IsNotExist(err) {
				defer os.RemoveAll(failures) // what the mutant was caught with
			}
			out, err := exec.Command("go", "test", "-tags", "duckdb_arrow", "-vet=off", "-overlay", overlay, "-failfast", "-run", m.run, m.pkg).CombinedOutput()
			switch {
			case strings.Contains(string(out), "[build failed]"):
				t.Fatalf("it does not build:\n%s", out)
			case strings.Contains(string(out), "no tests to run"):
				t.Fatalf("%q names no test of %s", m.run, m.pkg)
			case err == nil:
				t.Errorf("it lives: %s passes", m.pkg)
			}
		})
	}
}
