package dataset_test

import (
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// typed gives the fixture's columns types as a database export would.
func typed(column string) string {
	switch {
	case strings.HasSuffix(column, "_amt"), strings.HasSuffix(column, "_pay"), strings.HasSuffix(column, "amt"), column == "overlmt_selfpay", column == "act_pay_dedc":
		return "DECIMAL(16,2)"
	case column == "pric":
		return "DECIMAL(16,6)"
	case column == "cnt":
		return "DOUBLE"
	case column == "ipt_days", column == "prd_days", column == "diag_srt_no":
		return "INTEGER"
	}
	return "VARCHAR"
}

// toParquet turns a folder of text files into Parquet files of typed columns;
// parted names the table that is written as a folder of parts.
func toParquet(t *testing.T, folder, parted string) string {
	t.Helper()
	out := t.TempDir()
	db, err := duckdb.OpenWriter(context.Background(), dataset.WriterOptions{
		Snapshot: filepath.Join(t.TempDir(), "a"), Stage: filepath.Join(t.TempDir(), "b"), TempDir: t.TempDir(), Dirs: []string{folder, out}, Threads: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, tab := range national() {
		list := make([]string, len(tab.header))
		for i, c := range tab.header {
			list[i] = `"` + c + `"::` + typed(c) + ` AS "` + strings.ToUpper(c) + `"`
		}
		query := "SELECT " + strings.Join(list, ", ") + " FROM read_csv('" + filepath.Join(folder, name+".csv") + "', all_varchar = true, header = true)"
		paths := map[string]string{filepath.Join(out, strings.ToUpper(name)+".parquet"): query}
		if name == parted {
			dir := filepath.Join(out, name+".parquet")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			paths = map[string]string{filepath.Join(dir, "p0.parquet"): query + " LIMIT 2", filepath.Join(dir, "p1.parquet"): query + " OFFSET 2"}
		}
		for path, q := range paths {
			if _, err := db.Exec("COPY (" + q + ") TO '" + path + "' (FORMAT parquet)"); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// Text, packed text and typed Parquet, whole or in parts, give one snapshot.
func TestFormatsAgree(t *testing.T) {
	t.Parallel()
	folder := national().write(t)
	want := load(t, "national-a", folder).content(t, "true")
	packed := national().write(t)
	for name := range national() {
		plain := filepath.Join(packed, name+".csv")
		text, err := os.ReadFile(plain)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(packed, strings.ToUpper(name)+".CSV.gz"))
		if err != nil {
			t.Fatal(err)
		}
		z := gzip.NewWriter(f)
		if _, err := z.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(z.Close(), f.Close(), os.Remove(plain)); err != nil {
			t.Fatal(err)
		}
	}
	for name, folder := range map[string]string{"packed text": packed, "Parquet": toParquet(t, folder, ""), "Parquet in parts": toParquet(t, folder, "setl_d")} {
		got := load(t, "national-a", folder).content(t, "true")
		for _, tab := range dataset.Tables() {
			if !slices.Equal(got[tab.Name], want[tab.Name]) {
				t.Errorf("%s: %s differs:\n%q\n%q", name, tab.Name, got[tab.Name], want[tab.Name])
			}
		}
	}
}

// A row put aside from a part is reported by the part's name and its own row.
func TestQuarantineOfParts(t *testing.T) {
	t.Parallel()
	s := national()
	s["setl_d"].rows[3][3] = "H1"
	s["setl_d"].rows[3][2] = "P9" // the fourth row, the second of the second part
	l := load(t, "national-a", toParquet(t, s.write(t), "setl_d"))
	if got := l.quarantine(t); !slices.Equal(got, []string{"setl_d.parquet/p1.parquet|2|settlement|unknown_person"}) {
		t.Errorf("got %q", got)
	}
}

func TestArrowNeedsALoader(t *testing.T) {
	t.Parallel()
	folder := national().write(t)
	if err := os.Rename(filepath.Join(folder, "setl_d.csv"), filepath.Join(folder, "setl_d.arrow")); err != nil {
		t.Fatal(err)
	}
	o := options(t, "national-a", folder)
	o.Arrow = nil
	if _, _, err := dataset.Import(context.Background(), o); !errors.Is(err, dataset.ErrNoArrow) {
		t.Errorf("without a loader: %v", err)
	}
	if o.Arrow = duckdb.Arrow(); o.Arrow == nil {
		t.Skip("built without -tags duckdb_arrow")
	}
	if _, _, err := dataset.Import(context.Background(), o); !errors.Is(err, dataset.ErrSource) {
		t.Errorf("text that calls itself Arrow: %v", err)
	}
}
