package main

import (
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// What the log says was deleted stays on the disk until a checkpoint covers that: to whoever
// verifies the log it would be missing.
func TestSweepWaits(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	d := &domain{dir: t.TempDir()}
	l, err := ledger.Open(ledger.Options{Dir: d.path("ledger"), Create: true, Population: "town", Signer: key, Fatal: func(err error) { t.Error(err) }})
	must(err)
	_, err = l.Grant(t.Context(), ledger.Grant{Population: "town", Policy: "p", Mode: "evaluation", Year: dp.Cost{Rho: 1}, Life: dp.Cost{Rho: 1}})
	must(err)
	at, err := l.Snapshot(context.Background(), ledger.Snapshot{Snapshot: "gone", By: "steward"})
	must(err)
	before, err := l.Checkpoint(t.Context())
	must(err)
	_, err = l.Delete(t.Context(), ledger.Delete{Leaf: at, By: "steward"})
	must(err)
	after, err := l.Checkpoint(t.Context())
	must(err)
	must(l.Close())
	file := d.path("snapshots", "gone", "rows")
	must(os.MkdirAll(filepath.Dir(file), 0o700))
	must(os.WriteFile(file, nil, 0o600))
	for _, tt := range []struct {
		checkpoint []byte
		there      bool
	}{{before, true}, {after, false}} {
		must(os.WriteFile(d.path("ledger", "checkpoint"), tt.checkpoint, 0o600))
		d.state, err = ledger.Read(d.path("ledger"), ledger.VerifierKey("town", key.Public().(ed25519.PublicKey)))
		must(err)
		must(d.sweep())
		if exists(file) != tt.there {
			t.Errorf("it is there %v, want %v", exists(file), tt.there)
		}
	}
}
