package dataset_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

func TestTry(t *testing.T) {
	for _, c := range []struct{ b, dir string }{{"omop", "omop-eunomia"}, {"registry", "registry"}, {"synthea", "synthea-claims"}} {
		b, err := dataset.LoadBinding(c.b)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		key, err := dataset.LoadOrCreateKey(filepath.Join(dir, "keys/domain.key"))
		if err != nil {
			t.Fatal(err)
		}
		m, q, err := dataset.Import(context.Background(), dataset.Options{Domain: dir, Key: key, Binding: b, Source: "../../../shared/data/" + c.dir, Open: duckdb.OpenWriter})
		if err != nil {
			t.Error(err)
			continue
		}
		fmt.Printf("%+v\n", m)
		q.Print(os.Stdout)
	}
}
