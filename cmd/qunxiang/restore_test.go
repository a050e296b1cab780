//go:build duckdb_arrow

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Backups that are cut, altered, of others or not enough are refused, and nothing is left.
func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"D", "other"} {
		mustRun(t, dir, "data", "synth", "--domain", name, "--persons", "300", "--seed", "2")
		mustRun(t, dir, "backup", "--domain", name, "--to", name+".tar")
		mustRun(t, dir, "backup", "--domain", name, "--to", name+"-keys.tar", "--keys")
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	good, err := os.ReadFile(at("D.tar"))
	if err != nil {
		t.Fatal(err)
	}
	wal := bytes.Index(good, []byte(`"type":"GRANT"`))
	altered := bytes.Clone(good)
	altered[wal+8] ^= 1
	for name, body := range map[string][]byte{
		"cut":     good[:len(good)/2/512*512],
		"torn":    good[:len(good)/2/512*512+100],
		"altered": altered,
		"newer":   bytes.Replace(good, []byte(backupFormat), []byte("qunxiang-backup/9"), 1),
		"upward":  bytes.Replace(good, []byte("ledger/checkpoint\x00\x00\x00"), []byte("../ledger/checkpoint"), 1),
	} {
		if wal < 0 || bytes.Equal(body, good) {
			t.Fatal("the case is none: " + name)
		}
		if err := os.WriteFile(at(name+".tar"), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		from []string
		want string
	}{
		{[]string{"D.tar"}, "keys are not in the backup"},
		{[]string{"D-keys.tar"}, "no backup of the domain"},
		{[]string{"D.tar", "D.tar"}, ""},
		{[]string{"D.tar", "other-keys.tar"}, "keys are those of population"},
		{[]string{"cut.tar", "D-keys.tar"}, "not a whole backup"},
		{[]string{"torn.tar", "D-keys.tar"}, "not a whole backup"},
		{[]string{"altered.tar", "D-keys.tar"}, "not a whole backup"},
		{[]string{"newer.tar", "D-keys.tar"}, "qunxiang-backup/9"},
		{[]string{"upward.tar", "D-keys.tar"}, "not a whole backup"},
		{[]string{"D.tar", "D-keys.tar"}, "nobody knows what was charged after the backup"},
	} {
		r := &restoring{dir: at("R")}
		for _, f := range c.from {
			r.from = append(r.from, at(f))
		}
		if _, err := r.run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.from, err, c.want)
		}
		if left, _ := filepath.Glob(at(".restoring-*")); exists(at("R")) || len(left) > 0 || exists(filepath.Join(filepath.Dir(dir), "ledger")) {
			t.Errorf("%v: something is left", c.from)
		}
	}
	if out := mustRun(t, dir, "restore", "--domain", "R", "--from", "D.tar", "--from", "D-keys.tar", "--unwitnessed"); !bytes.Contains(out, []byte("NOBODY OUTSIDE KNOWS")) {
		t.Errorf("it is silent about what nobody knows: %s", out)
	}
	if _, err := (&restoring{dir: at("R"), from: []string{at("D.tar"), at("D-keys.tar")}, unwitnessed: true}).run(t.Context()); !errors.Is(err, errOccupied) {
		t.Errorf("over another domain: %v", err)
	}
}

// There are no secrets in the backup of a domain, and nothing else in that of its keys;
// personal data only where they are asked for.
func TestWhatIsInABackup(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, dir, "data", "synth", "--domain", "D", "--persons", "300", "--seed", "2")
	for file, args := range map[string][]string{"B.tar": nil, "S.tar": {"--snapshots"}, "K.tar": {"--keys"}} {
		mustRun(t, dir, append([]string{"backup", "--domain", "D", "--to", file}, args...)...)
		body, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		secrets, err := filepath.Glob(filepath.Join(dir, "D", "keys", "*"))
		if err != nil || len(secrets) < 6 {
			t.Fatalf("%v: %d keys", err, len(secrets))
		}
		for _, s := range secrets {
			if key, err := os.ReadFile(s); err != nil || bytes.Contains(body, key) != (file == "K.tar") {
				t.Errorf("%s and %s: %v", file, filepath.Base(s), err)
			}
		}
		for name, in := range map[string]bool{"/data.duckdb": file == "S.tar", "/manifest.json": file == "S.tar", "policy.yaml": file != "K.tar", "ledger/wal": file != "K.tar"} {
			if bytes.Contains(body, []byte(name)) != in {
				t.Errorf("%s and %s: want %v", file, name, in)
			}
		}
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Where the copy outside, or the witnesses, cannot be asked, nothing is restored.
func TestRestoreAsksOutside(t *testing.T) {
	dir := t.TempDir()
	e := newEstate(t, dir)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "backup", "--domain", "D", "--to", "B.tar")
	mustRun(t, dir, "backup", "--domain", "D", "--to", "K.tar", "--keys")
	if err := os.Remove(filepath.Join(dir, "outside")); err != nil {
		t.Fatal(err)
	}
	r := &restoring{dir: filepath.Join(dir, "R"), from: []string{filepath.Join(dir, "B.tar"), filepath.Join(dir, "K.tar")}, unwitnessed: true}
	if _, err := r.run(t.Context()); !errors.Is(err, ledger.ErrQuorum) {
		t.Errorf("the copy outside is lost: %v", err)
	}
}

// The witnesses are believed about a log that is put back, and asked in every case.
func TestRestoreAsksWitnesses(t *testing.T) {
	w := newWitnessed(t)
	ask := func(dir string) (bool, error) {
		log, err := ledger.ReadCopy(dir, w.key)
		w.must(err)
		return known(t.Context(), &outsideLog{quorum: w.quorum, key: w.key}, log)
	}
	_, err := w.grow(3)
	w.must(err)
	if ok, err := ask(w.dir); err != nil || !ok {
		t.Errorf("as the witness has it: %v, %v", ok, err)
	}
	old := filepath.Join(t.TempDir(), "ledger")
	w.must(os.CopyFS(old, os.DirFS(w.dir)))
	_, err = w.grow(4)
	w.must(err)
	if _, err := ask(old); !errors.Is(err, ledger.ErrRolledBack) {
		t.Errorf("an old copy: %v", err)
	}
	stranger := newWitnessed(t)
	log, err := ledger.ReadCopy(old, w.key)
	w.must(err)
	if _, err := known(t.Context(), &outsideLog{quorum: stranger.quorum, key: w.key}, log); !errors.Is(err, ledger.ErrQuorum) {
		t.Errorf("a witness that has never seen the log: %v", err)
	}
	w.server.Close()
	if _, err := ask(w.dir); !errors.Is(err, ledger.ErrQuorum) {
		t.Errorf("the witness is away: %v", err)
	}
}
