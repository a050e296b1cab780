package dataset_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

func TestSynthTry(t *testing.T) {
	dir := os.Getenv("SYNTH_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	n, _ := strconv.Atoi(os.Getenv("SYNTH_N"))
	if n == 0 {
		n = 2000
	}
	key, err := dataset.LoadOrCreateKey(filepath.Join(dir, "keys/domain.key"))
	if err != nil {
		t.Fatal(err)
	}
	t0 := time.Now()
	m, q, err := dataset.Synth(context.Background(), dataset.SynthOptions{Domain: dir, Key: key, People: int64(n), Seed: 1, Open: duckdb.OpenWriter,
		Progress: func(p dataset.Progress) { fmt.Println(time.Since(t0).Round(time.Millisecond), p) }})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(m.ID, time.Since(t0))
	q.Print(os.Stdout)
	i, _ := os.Stat(dataset.DataPath(dir, m.ID))
	fmt.Println("bytes", i.Size())
}
