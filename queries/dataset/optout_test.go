package dataset_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

func TestEpoch(t *testing.T) {
	t.Parallel()
	cst := time.FixedZone("", 8*3600)
	day := time.Date(2024, 6, 1, 0, 0, 0, 0, cst)
	e := dataset.Epoch(day)
	if dataset.Epoch(day.Add(24*time.Hour-1)) != e || dataset.Epoch(day.Add(-1)) != e-1 || dataset.Epoch(day.Add(24*time.Hour)) != e+1 {
		t.Error("an epoch is a day in China Standard Time")
	}
	if dataset.Epoch(time.Date(1970, 1, 1, 0, 0, 0, 0, cst)) != 0 || dataset.Epoch(time.Date(1969, 12, 31, 23, 0, 0, 0, cst)) != -1 {
		t.Error("epochs count from 1970")
	}
}

func TestOptOuts(t *testing.T) {
	t.Parallel()
	domain, key := t.TempDir(), testKey(t)
	at := time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)
	if keys, err := dataset.OptOuts(domain, 1<<40); err != nil || len(keys) != 0 {
		t.Fatalf("an empty register: %v, %v", keys, err)
	}
	add := func(at time.Time, ids ...string) {
		t.Helper()
		if err := dataset.AddOptOut(domain, key, ids, at); err != nil {
			t.Fatal(err)
		}
	}
	add(at, "C1", "C2")
	add(at.Add(24*time.Hour), "C3", "C1")
	e := dataset.Epoch(at)
	for _, c := range []struct {
		epoch int64
		want  []string
	}{{e, nil}, {e + 1, []string{"C1", "C2"}}, {e + 2, []string{"C1", "C2", "C3"}}, {e + 100, []string{"C1", "C2", "C3"}}} {
		got, err := dataset.OptOuts(domain, c.epoch)
		if err != nil {
			t.Fatal(err)
		}
		want := []dataset.PsnKey{}
		for _, id := range c.want {
			want = append(want, key.PersonKey(id))
		}
		slices.SortFunc(want, func(a, b dataset.PsnKey) int { return bytes.Compare(a[:], b[:]) })
		if !slices.Equal(got, want) {
			t.Errorf("epoch +%d: %d people, want %d", c.epoch-e, len(got), len(want))
		}
	}
	days, err := dataset.ListOptOuts(domain)
	if err != nil || !slices.Equal(days, []dataset.OptOutDay{{Day: "2024-06-01", People: 2}, {Day: "2024-06-02", People: 1}}) {
		t.Errorf("list %v, %v", days, err)
	}
	if err := dataset.AddOptOut(domain, key, []string{"C9", " "}, at); !errors.Is(err, dataset.ErrOptOut) {
		t.Errorf("an empty identifier: %v", err)
	}
	text, err := os.ReadFile(dataset.OptOutPath(domain))
	if err != nil || bytes.Contains(text, []byte("C1")) {
		t.Errorf("the register holds identifiers: %v", err)
	}
	if info, err := os.Stat(dataset.OptOutPath(domain)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

// A line torn by a crash is passed over and cannot swallow the next; a damaged
// line stops everything, for to go on would be to forget somebody.
func TestOptOutCrash(t *testing.T) {
	t.Parallel()
	key, at := testKey(t), time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)
	domain := t.TempDir()
	path := dataset.OptOutPath(domain)
	if err := dataset.AddOptOut(domain, key, []string{"C1"}, at); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(whole); cut++ {
		if err := os.WriteFile(path, append(slices.Clone(whole), whole[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := dataset.AddOptOut(domain, key, []string{"C2"}, at); err != nil {
			t.Fatal(err)
		}
		if keys, err := dataset.OptOuts(domain, 1<<40); err != nil || len(keys) != 2 {
			t.Fatalf("torn at %d: %d people, %v", cut, len(keys), err)
		}
	}
	for i := range whole[:len(whole)-1] {
		bad := slices.Clone(whole)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := dataset.OptOuts(domain, 1<<40); !errors.Is(err, dataset.ErrOptOut) {
			t.Fatalf("damage at %d is not noticed", i)
		}
	}
}
