package main

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// scriptLog is a log of a script, in a file: its name and its leaves.
type scriptLog struct {
	Name   string
	Leaves []string
}

var scriptLogKey = ed25519.NewKeyFromSeed([]byte("an Ed25519 seed only for testing"))

// scriptLogs works on a log in a file: log new FILE NAME, log grow FILE N, log shrink
// FILE N, log fork FILE N (N more leaves, the last old one being another), log cosign
// FILE URL KEYFILE [CAFILE].
func scriptLogs(ts *testscript.TestScript, neg bool, args []string) {
	l := scriptLog{}
	if args[0] == "new" {
		l.Name = args[2]
		key, err := note.NewEd25519VerifierKey(l.Name, scriptLogKey.Public().(ed25519.PublicKey))
		ts.Check(err)
		ts.Setenv("LOGKEY", key)
	} else {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &l))
	}
	n := 0
	if args[0] == "grow" || args[0] == "shrink" || args[0] == "fork" {
		var err error
		n, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	switch args[0] {
	case "shrink":
		l.Leaves = l.Leaves[:n]
	case "fork":
		l.Leaves[len(l.Leaves)-1] = "another"
		fallthrough
	case "grow":
		for range n {
			l.Leaves = append(l.Leaves, fmt.Sprint("leaf ", len(l.Leaves)))
		}
	case "cosign":
		ca := ""
		if len(args) > 4 {
			ca = ts.ReadFile(args[4])
		}
		err := l.cosign(args[2], strings.TrimSpace(ts.ReadFile(args[3])), ca)
		if err != nil {
			_, _ = fmt.Fprintln(ts.Stderr(), err)
		}
		if neg != (err != nil) {
			ts.Fatalf("cosign: %v", err)
		}
		return
	}
	b, err := json.Marshal(l)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

// cosign asks one witness to cosign the log as it is.
func (l *scriptLog) cosign(url, key, ca string) error {
	o := witness.ClientOptions{URL: url, Key: key}
	if ca != "" {
		o.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
		o.TLS.RootCAs.AppendCertsFromPEM([]byte(ca))
	}
	c, err := witness.NewClient(o)
	if err != nil {
		return err
	}
	own, err := note.NewEd25519VerifierKey(l.Name, scriptLogKey.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	q, err := witness.NewQuorum(witness.QuorumOptions{Witnesses: []*witness.Client{c}, Quorum: 1, Keys: []string{own}, Origin: l.Name})
	if err != nil {
		return err
	}
	defer q.Close()
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		list := []tlog.Hash{}
		for _, i := range at {
			list = append(list, hashes[i])
		}
		return list, nil
	})
	for i, leaf := range l.Leaves {
		more, err := tlog.StoredHashes(int64(i), []byte(leaf), reader)
		if err != nil {
			return err
		}
		hashes = append(hashes, more...)
	}
	size := int64(len(l.Leaves))
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		return err
	}
	v, err := note.NewVerifier(own)
	if err != nil {
		return err
	}
	text := witness.Checkpoint{Origin: l.Name, Size: size, Root: root}.Text()
	checkpoint, err := note.Sign(&note.Note{Text: text}, scriptSigner{v})
	if err != nil {
		return err
	}
	_, err = q.Cosign(context.Background(), checkpoint, func(_ context.Context, old, size int64) ([]tlog.Hash, error) {
		return tlog.ProveTree(size, old, reader)
	})
	return err
}

type scriptSigner struct{ note.Verifier }

func (scriptSigner) Sign(text []byte) ([]byte, error) { return ed25519.Sign(scriptLogKey, text), nil }

// add-log adds a line where the logs stand last, and else says what to write; a log that
// stands twice has two keys.
func TestWitnessConfig(t *testing.T) {
	key := func(name string) string {
		text, err := note.NewEd25519VerifierKey(name, scriptLogKey.Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	fresh := fmt.Sprintf(witnessConfigText, yamlText("w"))
	for what, c := range map[string]struct {
		text string
		ok   bool
	}{
		"as made":             {fresh, true},
		"with a log":          {fresh + "  - {key: " + yamlText(key("a")) + "}\n", true},
		"by hand":             {"name: w\nlogs:\n  - origin: a\n    key: " + key("a"), true},
		"logs not last":       {"name: w\nlogs: []\nlisten: 127.0.0.1:1\n", false},
		"logs in one line":    {"name: w\nlogs: [{key: " + yamlText(key("a")) + "}]\n", false},
		"no logs":             {"name: w\n", false},
		"deeper":              {"name: w\nlogs:\n    - {key: " + yamlText(key("a")) + "}\n", false},
		"another key is last": {fresh + "  - {key: " + yamlText(key("a")) + "}\ntls: {}\n", false},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, witnessConfigFile)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		conf, err := loadWitness(dir)
		if err != nil {
			if c.ok {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		now, err := conf.add(dir, "b", key("b"))
		if c.ok != (err == nil) {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil {
			if !strings.Contains(err.Error(), `- {origin: "b", key: "b+`) {
				t.Errorf("%s: %v", what, err)
			}
			if text, _ := os.ReadFile(path); string(text) != c.text {
				t.Errorf("%s: changed all the same", what)
			}
			continue
		}
		if now, err = now.add(dir, "b", key("c")); err != nil {
			t.Errorf("%s: a second key: %v", what, err)
			continue
		}
		logs := now.logs()
		if last := logs[len(logs)-1]; last.Origin != "b" || len(last.Keys) != 2 {
			t.Errorf("%s: %+v", what, logs)
		}
	}
}
