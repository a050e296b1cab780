//go:build duckdb_arrow

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// addSnapshot loads another population under the domain's key.
func addSnapshot(t *testing.T, d *domain, seed int64) {
	t.Helper()
	m, _, err := dataset.Synth(t.Context(), dataset.SynthOptions{
		Domain: d.dir, Key: d.keys.person, People: 5, Settlements: 100, Seed: seed, Open: duckdb.OpenWriter,
	})
	if err == nil {
		err = d.register(t.Context(), io.Discard, m, "steward-s")
	}
	if err != nil {
		t.Fatal(err)
	}
}

func peopleOf(t *testing.T, rows []glm.Row, err error) map[string]bool {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		seen[r.Person] = true
	}
	return seen
}

// An approved job reads the snapshot that it was approved on. Whoever opts out after the
// next import is found there too, although the newest snapshot does not have that person.
func TestOptOutsAreResolvedInThePinnedSnapshot(t *testing.T) {
	d := trainingDomain(t, 60)
	card := trainingCard(t, d.catalog)
	before, err := d.trainingRows(t.Context(), card)
	if err != nil {
		t.Fatal(err)
	}
	o := federated.NodeOptions{Dir: t.TempDir()}
	if err := (&nodeJob{dir: o.Dir}).put(snapshotFile, []byte(before.snapshot)); err != nil { // approved
		t.Fatal(err)
	}
	addSnapshot(t, d, 4)
	if newest, err := d.trainingRows(t.Context(), card); err != nil || newest.snapshot == before.snapshot {
		t.Fatalf("a job that is not approved does not take the newest snapshot (%v)", err)
	}
	if err := d.train(t.Context(), card, &o); err != nil {
		t.Fatal(err)
	}
	if books(o).Snapshot != before.snapshot {
		t.Fatal("an approved job takes another snapshot")
	}
	rows, err := o.Rows(t.Context())
	all := peopleOf(t, rows, err)
	// Under this name the person is in the job's snapshot and not in the newest.
	if err := dataset.AddOptOut(d.dir, d.keys.person, []string{"P40"}, time.Now().Add(-72*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := d.resolveOptOuts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows, err = o.Rows(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := peopleOf(t, rows, err)
	if len(left) != len(all)-1 {
		t.Fatalf("%d of %d people are left after an opt-out", len(left), len(all))
	}
}

// The salt of the rows is one of the job and the domain, and needs its secret.
func TestRowSalt(t *testing.T) {
	d := trainingDomain(t, 20)
	card := trainingCard(t, d.catalog)
	salt := func(card *federated.Card) []byte {
		t.Helper()
		tr, err := d.trainingRows(t.Context(), card)
		if err != nil {
			t.Fatal(err)
		}
		return tr.fitted.Job.Salt
	}
	one, again, other := salt(card), salt(card), salt(trainingCard(t, d.catalog)) // with other keys
	d.keys.request = bytes.Repeat([]byte{1}, 32)
	elsewhere := salt(card)
	if len(one) != 32 || !bytes.Equal(one, again) || bytes.Equal(one, other) || bytes.Equal(one, elsewhere) {
		t.Errorf("%x %x %x %x", one, again, other, elsewhere)
	}
}

// The values are their steward's alone, also where the file was there for others.
func TestValuesAreTheOwnersAlone(t *testing.T) {
	path := t.TempDir() + "/values.csv"
	if err := os.WriteFile(path, []byte("old and longer than what comes"), 0o644); err != nil {
		t.Fatal(err)
	}
	old, err := os.Open(path) // by somebody who could
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := writeValues(path, &federated.DryRun{}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "place,block,value\n" {
		t.Errorf("%q %v", text, err)
	}
	if seen := make([]byte, 3); func() bool { _, err := old.Read(seen); return err != nil || string(seen) != "old" }() {
		t.Errorf("whoever had it open reads %q", seen)
	}
	if err := os.Symlink(path, path+"2"); err != nil {
		t.Fatal(err)
	}
	if err := writeValues(path+"2", &federated.DryRun{}); err == nil {
		t.Error("a link is followed")
	}
}

// A load that is put in use while the domain is served leaves those out who opted out before
// it came, under a name that only this load leads to them by.
func TestNewLoadKnowsWhoOptedOutBefore(t *testing.T) {
	d, err := synthDomain(t.Context(), filepath.Join(t.TempDir(), "D"), synthOptions{persons: 5, settlements: 100, seed: 4}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := dataset.AddOptOut(d.dir, d.keys.person, []string{"P40"}, time.Now().Add(-72*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := d.resolveOptOuts(t.Context()); err != nil { // as a server does when it starts
		t.Fatal(err)
	}
	out := func() int {
		t.Helper()
		keys, err := d.optOuts(dataset.Epoch(time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		return len(keys)
	}
	before := out()
	m, _, err := dataset.Synth(t.Context(), dataset.SynthOptions{Domain: d.dir, Key: d.keys.person, People: 60, Settlements: 1200, Seed: 3, Open: duckdb.OpenWriter})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.leave(keptProposal{Snapshot: &ledger.Snapshot{Snapshot: m.ID, By: "steward-s"}}); err != nil {
		t.Fatal(err)
	}
	if err := d.settle(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if all := d.state.Snapshots(); all[len(all)-1] != m.ID {
		t.Fatal("the load is not in use")
	}
	if n := out(); n != before+1 {
		t.Errorf("%d people are left out, and %d before the load that has one more", n, before)
	}
	// One in which they cannot be looked up is not asked, and waits.
	var log bytes.Buffer
	lost := keptProposal{Snapshot: &ledger.Snapshot{Snapshot: strings.Repeat("0", 64), By: "steward-s"}}
	if err := d.leave(lost); err != nil {
		t.Fatal(err)
	}
	if err := d.settle(t.Context(), &log); err != nil {
		t.Fatal(err)
	}
	if all := d.state.Snapshots(); all[len(all)-1] != m.ID || !strings.Contains(log.String(), "it waits until the next start") {
		t.Errorf("a load whose data are not there is in use: %s", log.String())
	}
}
