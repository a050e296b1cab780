//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/enginetest"
)

func TestProgressCountsEveryRange(t *testing.T) {
	domain, id := fewBills(t, 50, -1)
	var seen []string
	e := newEngine(t, Options{Domain: domain, Threads: 3, RangeRows: 8, Progress: func(done, all int) {
		seen = append(seen, fmt.Sprint(done, "/", all))
	}})
	if _, err := e.Run(context.Background(), sums(id, "1")); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 9 || seen[0] != "1/9" || seen[8] != "9/9" {
		t.Errorf("got %v", seen)
	}
}

func TestRunsAtOnce(t *testing.T) {
	domain, id := fewBills(t, 50, -1)
	e := newEngine(t, Options{Domain: domain, Threads: 2, RangeRows: 8})
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			totals, err := e.Run(context.Background(), sums(id, "TRY_CAST(pay_loc AS BIGINT)"))
			if err != nil {
				t.Error(err)
				return
			}
			if g := dptest.Exact(t, totals); len(g) != 1 || g[0].Cells["amount"][0] != 50*12 {
				t.Errorf("got %v", g)
			}
		})
	}
	wg.Wait()
}

func TestSnapshotsAreChecked(t *testing.T) {
	domain, id := fewBills(t, 5, -1)
	e := newEngine(t, Options{Domain: domain})
	ctx := context.Background()
	other := "0000000000000000000000000000000000000000000000000000000000000000"
	for _, bad := range []string{"", other, "../" + id, id + "/"} {
		if _, err := e.Run(ctx, sums(bad, "1")); !errors.Is(err, ErrSnapshot) {
			t.Errorf("%q: %v", bad, err)
		}
		if err := e.Verify(bad); !errors.Is(err, ErrSnapshot) {
			t.Errorf("verify %q: %v", bad, err)
		}
	}
	if err := e.Verify(id); err != nil {
		t.Error(err)
	}
	flip(t, dataset.DataPath(domain, id), -1)
	if err := e.Verify(id); !errors.Is(err, ErrSnapshot) {
		t.Errorf("a changed byte of the data: %v", err)
	}
	flip(t, filepath.Join(filepath.Dir(dataset.DataPath(domain, id)), "manifest.json"), 20)
	if _, err := e.Run(ctx, sums(id, "1")); !errors.Is(err, ErrSnapshot) {
		t.Errorf("a changed byte of the manifest: %v", err)
	}
}

// flip changes one bit of the byte at a place, from the end if negative.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[(at+len(b))%len(b)] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A newer snapshot takes the place of the older once nobody asks that any more.
func TestOldSnapshotIsLetGo(t *testing.T) {
	domain, id := fewBills(t, 5, -1)
	newer := enginetest.Snapshot(t, OpenWriter, domain, enginetest.Table{Name: "person", Rows: []enginetest.Row{{"psn_key": enginetest.Person(1)}}})
	e := newEngine(t, Options{Domain: domain})
	ctx := context.Background()
	_, done, err := e.use(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Run(ctx, sums(newer, "1")); err != nil || len(e.stores) != 2 {
		t.Errorf("while it is used: %v, %d open", err, len(e.stores))
	}
	done()
	if len(e.stores) != 1 || e.stores[newer] == nil {
		t.Errorf("afterwards %d are open", len(e.stores))
	}
	if _, err := e.Run(ctx, sums(id, "1")); err != nil || len(e.stores) != 1 {
		t.Errorf("asked again: %v, %d open", err, len(e.stores))
	}
}

func TestTempFolder(t *testing.T) {
	domain, id := fewBills(t, 5, -1)
	temp := t.TempDir()
	dead := filepath.Join(temp, "duckdb-999999999-1")
	alive := filepath.Join(temp, fmt.Sprintf("duckdb-%d-1", os.Getppid()))
	for _, d := range []string{dead, alive} {
		if err := os.MkdirAll(filepath.Join(d, "spilled"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	e, err := Open(Options{Domain: domain, TempDir: temp})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Run(context.Background(), sums(id, "1")); err != nil {
		t.Error(err)
	}
	own, _ := filepath.Glob(filepath.Join(temp, tempPrefix()+"*"))
	if len(own) != 1 {
		t.Errorf("own folders: %v", own)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	left, _ := filepath.Glob(filepath.Join(temp, "*"))
	if len(left) != 1 || left[0] != alive {
		t.Errorf("left: %v", left)
	}
	if _, err := e.Run(context.Background(), sums(id, "1")); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestPlainGroups(t *testing.T) {
	domain, id := fewBills(t, 30, 3)
	e := newEngine(t, Options{Domain: domain})
	job := sums(id, "1")
	if n, err := e.Plain(context.Background(), job); err != nil || n != 1 {
		t.Errorf("%d groups, %v", n, err)
	}
	if _, err := e.Plain(context.Background(), sums(id, "random()")); !errors.Is(err, ErrLint) {
		t.Errorf("unlinted: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Plain(ctx, job); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
