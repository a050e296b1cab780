package dataset_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

func TestEmbeddedBindings(t *testing.T) {
	t.Parallel()
	want := []string{"national-a", "national-b", "omop", "registry", "synthea"}
	if got := dataset.Bindings(); !slices.Equal(got, want) {
		t.Fatalf("embedded: %v", got)
	}
	for _, name := range want {
		b, err := dataset.LoadBinding(name)
		if err != nil || b.Name != name || len(b.Digest()) != 64 || b.Doc == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := dataset.LoadBinding("none"); !errors.Is(err, dataset.ErrBinding) {
		t.Errorf("an unknown name: %v", err)
	}
}

// A fixture per refusal: the first line of each file says what the error is to
// say, line and column included.
func TestBadBindings(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d fixtures, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		want := strings.TrimPrefix(first, "# ")
		if _, err := dataset.LoadBinding(path); !errors.Is(err, dataset.ErrBinding) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", path, err, want)
		}
	}
}

// Expressions are tried against the source; a wrong one is found at its place
// without a word of the engine.
func TestWrongExpressions(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.wrong.yaml")
	if err != nil || len(paths) < 3 {
		t.Fatalf("%d fixtures, %v", len(paths), err)
	}
	folder := national().write(t)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		want := strings.TrimPrefix(first, "# ")
		_, _, err = dataset.Import(context.Background(), options(t, path, folder))
		if !errors.Is(err, dataset.ErrBinding) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", path, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "Error:") {
			t.Errorf("%s: the engine speaks: %v", path, err)
		}
	}
}

func FuzzParseBinding(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.yaml")
	embedded, _ := filepath.Glob("bindings/*.yaml")
	for _, p := range append(paths, embedded...) {
		if text, err := os.ReadFile(p); err == nil {
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if b, err := dataset.ParseBinding("fuzz.yaml", []byte(text)); err == nil && len(b.Tables["person"]) == 0 {
			t.Error("a binding without people")
		} else if err != nil && !errors.Is(err, dataset.ErrBinding) {
			t.Errorf("an error of another kind: %v", err)
		}
	})
}

// A file without header, with another delimiter and other texts for nothing;
// only the named columns are read, by place.
func TestTextDialects(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "PEOPLE.TXT"), []byte("c1|secret|1950-03-07|'1'\nc2|secret|NA|\\N\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := load(t, "testdata/headless.good.yaml", folder)
	if got := l.text(t, "SELECT sex, birth_ym FROM snapshot.person ORDER BY birth_ym"); !slices.Equal(got, []string{"male|195003", "unknown|<nil>"}) {
		t.Errorf("got %q", got)
	}
	for _, d := range []string{";", "\t", "|"} { // found from the header
		s := strings.ReplaceAll("psn_no,certno,gend,brdy\nP1,C1,1,1950-03-07\n", ",", d)
		if l := load(t, "testdata/people.good.yaml", spoil(t, "psn_info_b.csv", s)); l.manifest.People != 1 {
			t.Errorf("delimiter %q", d)
		}
	}
}
