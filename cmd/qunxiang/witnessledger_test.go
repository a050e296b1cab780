package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// witnessed is a domain's log with one witness.
type witnessed struct {
	t      *testing.T
	dir    string
	key    string // of the log
	quorum *witness.Quorum
	server *httptest.Server // of the witness
}

func newWitnessed(t *testing.T) *witnessed {
	t.Helper()
	dir, w := t.TempDir(), &witnessed{t: t, dir: filepath.Join(t.TempDir(), "ledger")}
	w.key = ledger.VerifierKey("hangzhou", scriptLogKey.Public().(ed25519.PublicKey))
	key, err := initWitness(dir, "w.example")
	w.must(err)
	_, err = addWitnessLog(dir, w.key, "")
	w.must(err)
	conf, err := loadWitness(dir)
	w.must(err)
	own, err := witnessSigner(dir, conf)
	w.must(err)
	run, err := witness.Open(witness.Options{Dir: dir, Cosigner: own, Logs: conf.logs()})
	w.must(err)
	w.server = httptest.NewServer(run.Handler())
	c, err := witness.NewClient(witness.ClientOptions{URL: w.server.URL, Key: key})
	w.must(err)
	w.quorum, err = witness.NewQuorum(witness.QuorumOptions{Witnesses: []*witness.Client{c}, Quorum: 1, Keys: []string{w.key}, Origin: "hangzhou"})
	w.must(err)
	t.Cleanup(func() { w.quorum.Close(); w.server.Close(); _ = run.Close() })
	return w
}

func (w *witnessed) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// grow opens the log, appends refusals, has it cosigned and keeps the cosigned checkpoint.
func (w *witnessed) grow(n int) ([]byte, error) {
	w.t.Helper()
	l, err := ledger.Open(ledger.Options{Dir: w.dir, Create: true, Population: "hangzhou", Signer: scriptLogKey, Fatal: func(err error) { w.t.Error(err) }})
	w.must(err)
	for range n {
		_, err := l.Deny(w.t.Context(), ledger.Deny{Principal: "insurer-a", Rule: "grant"})
		w.must(err)
	}
	text, err := l.Checkpoint(w.t.Context())
	w.must(err)
	signed, refused := w.quorum.Cosign(w.t.Context(), text, func(_ context.Context, old, size int64) ([]tlog.Hash, error) {
		return l.Consistency(old, ledger.Proof{Size: size})
	})
	w.must(l.Close())
	if refused == nil {
		w.must(os.WriteFile(filepath.Join(w.dir, "checkpoint"), signed, 0o600))
	}
	return signed, refused
}

// A domain's checkpoints are cosigned as they are; with the cosignatures on them the log
// opens and verifies as before; and one that was put back is refused.
func TestLedgerIsWitnessed(t *testing.T) {
	w := newWitnessed(t)
	_, err := w.grow(3)
	w.must(err)
	old := t.TempDir()
	w.must(os.CopyFS(filepath.Join(old, "ledger"), os.DirFS(w.dir)))
	signed, err := w.grow(4)
	w.must(err)
	report, err := audit.Verify(t.Context(), audit.Options{Log: os.DirFS(w.dir), Key: w.key, Since: signed})
	w.must(err)
	if report.Leaves != 7 || report.Signed != 7 {
		t.Fatalf("%d leaves, %d signed", report.Leaves, report.Signed)
	}
	for _, f := range report.Findings {
		if f.Code == audit.CheckpointInvalid || f.Code == audit.SinceInvalid || f.Code == audit.RootMismatch {
			t.Errorf("%+v", f)
		}
	}
	w.dir = filepath.Join(old, "ledger")
	_, err = w.grow(1)
	var ahead *witness.AheadError
	if !errors.As(err, &ahead) || ahead.Size != 7 || ahead.Ours != 4 || ahead.Checkpoint == nil {
		t.Errorf("put back: %v", err)
	}
	newest, err := w.quorum.Newest(t.Context())
	w.must(err)
	if !bytes.HasPrefix(newest, []byte("hangzhou\n7\n")) {
		t.Errorf("newest: %s", newest)
	}
}
