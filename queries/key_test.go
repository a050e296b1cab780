package queries_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// What changes the answer changes the key, or a stored answer would be given to
// another question: the snapshot, the threshold, and the codes of a list.
func TestCanonicalKeyHoldsWhatIsAsked(t *testing.T) {
	p5 := queries.Request{Template: "P5", Coarse: true, Cost: 0.05, AllowEmpty: true, Parameters: asked["P5"]}
	key := func(t *testing.T, h *house, req queries.Request) string {
		t.Helper()
		k, err := h.runner.Key("regulator-r", req)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	h := newHouse(t, nil)
	base, lists := key(t, h, i3), key(t, h, p5)
	if base != key(t, h, i3) {
		t.Fatal("a key is not repeatable")
	}
	newer := strings.Repeat("cd", 32)
	if _, err := h.ledger.Snapshot(t.Context(), ledger.Snapshot{Snapshot: newer, By: "steward-s"}); err != nil {
		t.Fatal(err)
	}
	if key(t, h, i3) == base {
		t.Error("another snapshot has the same key")
	}
	h.close()
	for _, k := range []string{"k: 30", "k: noisy"} {
		h := newHouse(t, func(s string) string { return strings.Replace(s, "\nk: 20", "\n"+k, 1) })
		if key(t, h, i3) == base {
			t.Errorf("%s has the same key", k)
		}
		h.close()
	}
	h = newHouse(t, nil)
	defer h.close()
	edited := overlay(t, "codelists/metformin.yaml", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"A10BA02"`), []byte(`"A10BA02", "A10BD07"`), 1)
	})
	c, err := queries.LoadCatalog(edited)
	if err != nil {
		t.Fatal(err)
	}
	h.runner.Catalog = c
	if key(t, h, p5) == lists {
		t.Error("another edition of a code list has the same key")
	}
	if key(t, h, i3) != base {
		t.Error("a code list that is not asked for is in the key")
	}
}

// overlay is the shipped templates with one file edited.
func overlay(t *testing.T, name string, edit func([]byte) []byte) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(templates.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(templates.FS, path)
		if path == name {
			changed := edit(b)
			if bytes.Equal(b, changed) {
				t.Fatalf("%s: the edit changes nothing", name)
			}
			b = changed
		}
		out[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every choice beside "any" adds nothing: the question has one key.
func TestAnyTakesAll(t *testing.T) {
	c := catalog(t)
	tpl, err := c.Find("R4")
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []string{"any", "any,11", "31,any,11"} {
		q, err := c.Compile(tpl, false, map[string]string{"window": "2017", "region": region}, source)
		if err != nil || q.Parameters["region"] != "any" {
			t.Errorf("%s: %q, %v", region, q.Parameters["region"], err)
		}
	}
}
