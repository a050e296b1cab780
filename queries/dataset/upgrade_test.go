package dataset_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// A snapshot of a newer schema is refused for that, whatever else is new in its manifest;
// one of an older schema, for what it is.
func TestSnapshotsOfOtherVersions(t *testing.T) {
	for text, want := range map[string]string{
		`{"schema":2,"something_new":[1]}`: "schema version 2, this program knows none after 1: a newer one has made it",
		`{"schema":0}`:                     "schema version 0 instead of 1",
		`{"schema":1,"something_new":1}`:   "damaged",
	} {
		domain := t.TempDir()
		sum := sha256.Sum256([]byte(text))
		id := hex.EncodeToString(sum[:])
		dir := filepath.Join(domain, "snapshots", id)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := dataset.Load(domain, id); !errors.Is(err, dataset.ErrSnapshot) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
