//go:build duckdb_arrow

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// madeOnce is one domain and backups of its parts, for tests that change none of them.
func madeOnce(t *testing.T) (dir string, at func(name string) string) {
	t.Helper()
	dir = t.TempDir()
	mustRun(t, dir, "data", "synth", "--domain", "D", "--persons", "300", "--seed", "2")
	if err := os.WriteFile(filepath.Join(dir, "first.policy"), mustRun(t, dir, "audit", "policy", "--domain", "D"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "key", "rotate", "--use", "log", "--domain", "D")
	for file, b := range map[string]*backup{
		"B.tar": {part: partDomain}, "S.tar": {part: partDomain, snapshots: true}, "K.tar": {part: partKeys},
	} {
		b.dir = filepath.Join(dir, "D")
		if err := b.file(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, func(name string) string { return filepath.Join(dir, name) }
}

func TestBackupsOfOneDomain(t *testing.T) {
	t.Parallel()
	dir, at := madeOnce(t)
	t.Run("what is in them", func(t *testing.T) { whatIsInABackup(t, at) })
	t.Run("refused", func(t *testing.T) { restoreRefuses(t, dir, at) })
	t.Run("the copy outside is lost", func(t *testing.T) { restoreAsksOutside(t, at) })
}

// Backups that are cut, altered, of others or not enough are refused, and nothing is left.
func restoreRefuses(t *testing.T, dir string, at func(string) string) {
	read := func(name string) []byte {
		b, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good, secrets := read("B.tar"), read("K.tar")
	wal := bytes.Index(good, []byte(`"type":"GRANT"`))
	if wal < 0 {
		t.Fatal("there is no log in it")
	}
	altered := bytes.Clone(good)
	altered[wal+8] ^= 1
	other := regexp.MustCompile(`"population": "[0-9a-f]{32}"`).ReplaceAll(secrets, []byte(`"population": "`+strings.Repeat("0", 32)+`"`))
	for name, body := range map[string][]byte{
		"cut.tar":     good[:len(good)/2/512*512],
		"torn.tar":    good[:len(good)/2/512*512+100],
		"altered.tar": altered,
		"other.tar":   other,
		"newer.tar":   bytes.Replace(good, []byte(backupFormat), []byte("qunxiang-backup/9"), 1),
		"upward.tar":  bytes.Replace(good, []byte("ledger/checkpoint\x00\x00\x00"), []byte("../ledger/checkpoint"), 1),
	} {
		if bytes.Equal(body, good) || bytes.Equal(body, secrets) {
			t.Fatal("the case is none: " + name)
		}
		if err := os.WriteFile(at(name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		from []string
		want string
	}{
		{[]string{"B.tar"}, "keys are not in the backup"},
		{[]string{"K.tar"}, "no backup of the domain"},
		{[]string{"B.tar", "B.tar"}, ""},
		{[]string{"B.tar", "other.tar"}, "keys are those of population"},
		{[]string{"cut.tar", "K.tar"}, "not a whole backup"},
		{[]string{"torn.tar", "K.tar"}, "not a whole backup"},
		{[]string{"altered.tar", "K.tar"}, "not a whole backup"},
		{[]string{"newer.tar", "K.tar"}, "qunxiang-backup/9"},
		{[]string{"upward.tar", "K.tar"}, "not a whole backup"},
		{[]string{"B.tar", "K.tar"}, "nobody knows what was charged after the backup"},
	} {
		r := &restoring{dir: at("R")}
		for _, f := range c.from {
			r.from = append(r.from, at(f))
		}
		if _, err := r.run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.from, err, c.want)
		}
		if left, _ := filepath.Glob(at(".restoring-*")); exists(at("R")) || len(left) > 0 || exists(at("ledger")) {
			t.Errorf("%v: something is left", c.from)
		}
	}
	out := mustRun(t, dir, "restore", "--domain", "R", "--from", "S.tar", "--from", "K.tar", "--unwitnessed")
	if !bytes.Contains(out, []byte("NOBODY OUTSIDE KNOWS")) || bytes.Contains(out, []byte("no snapshots")) {
		t.Errorf("it is silent about what nobody knows: %s", out)
	}
	mustRun(t, dir, "audit", "bundle", "--domain", "R", "--out", "R.tar") // by the key before, which has handed over
	mustRun(t, dir, "audit", "verify", "--bundle", "R.tar", "--policy", "first.policy")
	again := &restoring{dir: at("R"), from: []string{at("B.tar"), at("K.tar")}, unwitnessed: true}
	if _, err := again.run(t.Context()); !errors.Is(err, errOccupied) {
		t.Errorf("over another domain: %v", err)
	}
	asked := question(1)
	asked[3] = "R"
	mustRun(t, dir, asked...) // with its snapshots it answers at once
}

// There are no secrets in the backup of a domain, and nothing else in that of its keys;
// personal data only where they are asked for.
func whatIsInABackup(t *testing.T, at func(string) string) {
	secrets, err := filepath.Glob(at("D/keys/*"))
	if err != nil || len(secrets) < 6 {
		t.Fatalf("%v: %d keys", err, len(secrets))
	}
	for _, file := range []string{"B.tar", "S.tar", "K.tar"} {
		body, err := os.ReadFile(at(file))
		if err != nil {
			t.Fatal(err)
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
		if info, err := os.Stat(at(file)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Where the copy outside cannot be asked, nothing is restored, whatever is said.
func restoreAsksOutside(t *testing.T, at func(string) string) {
	text := "outside: " + at("nowhere") + "\n"
	if err := os.WriteFile(at("D/"+witnessesFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&backup{dir: at("D"), part: partDomain}).file(at("O.tar")); err != nil {
		t.Fatal(err)
	}
	r := &restoring{dir: at("R2"), from: []string{at("O.tar"), at("K.tar")}, unwitnessed: true}
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
		return known(t.Context(), &outsideLog{quorum: w.quorum}, log, false)
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
	if _, err := known(t.Context(), &outsideLog{quorum: stranger.quorum}, log, false); !errors.Is(err, ledger.ErrQuorum) {
		t.Errorf("a witness that has never seen the log: %v", err)
	}
	w.server.Close()
	if _, err := ask(w.dir); !errors.Is(err, ledger.ErrQuorum) {
		t.Errorf("the witness is away: %v", err)
	}
}
