package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// The steward's facts are those of the commands.
func TestFactsInside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustRun(t, dir, "data", "synth", "--domain", "D", "--persons", "300", "--settlements", "1200")
	mustRun(t, dir, "data", "optout", "add", "--domain", "D", "--id", "110101199001011234")
	d, err := openDomain(t.Context(), filepath.Join(dir, "D"), reading)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f := insideFacts{d}
	loads, err := f.Loads()
	if err != nil || len(loads) != 1 || loads[0].People != 300 || loads[0].By != "steward-s" || len(loads[0].Quality.Indicators) != 4 {
		t.Errorf("the loads are %+v, %v", loads, err)
	}
	days, epoch, err := f.OptOuts()
	if err != nil || len(days) != 1 || days[0].People != 1 || epoch < 20_000 {
		t.Errorf("the opt-outs are %+v in epoch %d, %v", days, epoch, err)
	}
	if list, known := f.Enrolments(t.Context()); known || list != nil {
		t.Errorf("enrolments of no coordinator: %+v", list)
	}
}

// A load that waits for its approvals is shown with its report, and one whose report or
// manifest is damaged beside the others, without one.
func TestEveryLoadIsListed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "D")
	d, err := synthDomain(t.Context(), dir, synthOptions{persons: 60, settlements: 200, seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	first := d.state.Registered()[0].Snapshot
	m, _, err := dataset.Synth(t.Context(), dataset.SynthOptions{Domain: dir, Key: d.keys.person, People: 70, Settlements: 200, Seed: 2, Open: duckdb.OpenWriter})
	if err != nil {
		t.Fatal(err)
	}
	waiting := keptProposal{Snapshot: &ledger.Snapshot{Snapshot: m.ID, By: "steward-s"}}
	for _, k := range []keptProposal{waiting, {Snapshot: &ledger.Snapshot{Snapshot: first, By: "steward-s"}}, {Resume: &ledger.Resume{Template: "x@1", By: []string{"steward-s"}}}} {
		if err := d.leave(k); err != nil {
			t.Fatal(err)
		}
	}
	digest, _, err := waiting.digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{"", "quality.json", "manifest.json"} {
		if damaged != "" {
			if err := os.WriteFile(filepath.Join(dir, "snapshots", first, damaged), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		loads, err := insideFacts{d}.Loads()
		if err != nil || len(loads) != 2 {
			t.Fatalf("%q damaged: %d loads, %v", damaged, len(loads), err)
		}
		if l := loads[0]; l.ID != m.ID || l.Waits != digest || l.People != 70 || l.By != "steward-s" || l.Quality == nil {
			t.Errorf("%q damaged: the load that waits is %+v", damaged, l)
		}
		if l := loads[1]; l.ID != first || l.Waits != "" || l.By != "steward-s" || (l.Quality == nil) != (damaged != "") || (l.People == 60) != (damaged != "manifest.json") {
			t.Errorf("%q damaged: the other load is %+v", damaged, l)
		}
	}
}
