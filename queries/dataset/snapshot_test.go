package dataset_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

func TestSnapshotFolder(t *testing.T) {
	t.Parallel()
	o := options(t, "national-a", national().write(t))
	l := loadWith(t, o)
	m := l.manifest
	dir := filepath.Join(o.Domain, "snapshots", m.ID)
	if got := files(t, filepath.Join(o.Domain, "snapshots")); !slices.Equal(got, []string{
		".import.lock", m.ID + "/data.duckdb", m.ID + "/manifest.json", m.ID + "/quality.json"}) {
		t.Errorf("files %q", got)
	}
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != m.ID {
		t.Error("the name is not the manifest's SHA-256")
	}
	if m.Created != "2024-06-01" || m.Schema != dataset.SchemaVersion || m.MaxRows != dataset.DefaultMaxRows || m.People != 3 || m.Public ||
		m.Binding != "national-a" || m.BindingSum != o.Binding.Digest() || len(m.Salt) != 64 || len(m.Population) != 32 || len(m.Sources) != 10 {
		t.Errorf("manifest %+v", m)
	}
	if bytes.Contains(text, []byte("0123456789abcdef0123456789abcdef")) || bytes.Contains(text, []byte(hex.EncodeToString([]byte("0123456789abcdef")))) {
		t.Error("the key is in the manifest")
	}
	again, err := dataset.Load(o.Domain, m.ID)
	if err != nil || again.Salt != m.Salt || again.ID != m.ID {
		t.Errorf("loaded %+v, %v", again, err)
	}
	if err := again.Verify(o.Domain); err != nil {
		t.Error(err)
	}
	q, err := dataset.LoadQuality(o.Domain, m.ID)
	if err != nil || q.Tables["person"].Loaded != 3 || len(q.Indicators) != 4 {
		t.Errorf("quality %+v, %v", q, err)
	}
	second, _, err := dataset.Import(context.Background(), o) // the same again: another salt, another name, the same population
	if err != nil || second.ID == m.ID || second.Salt == m.Salt || second.Population != m.Population {
		t.Errorf("second %+v, %v", second, err)
	}
	all, err := dataset.List(o.Domain)
	if err != nil || len(all) != 2 || all[0].ID != m.ID || all[1].ID != second.ID {
		t.Errorf("list: %d, %v", len(all), err)
	}
	for _, name := range []string{"data.duckdb", "quality.json", "manifest.json"} {
		path := filepath.Join(o.Domain, "snapshots", second.ID, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := second.Verify(o.Domain); name != "manifest.json" && !errors.Is(err, dataset.ErrSnapshot) {
			t.Errorf("a changed %s is not noticed: %v", name, err)
		}
		if _, err := dataset.Load(o.Domain, second.ID); name == "manifest.json" && !errors.Is(err, dataset.ErrSnapshot) {
			t.Errorf("a changed manifest is not noticed: %v", err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The snapshot's tables are those of Tables: names, types, order of rows, and
// no NULL where none may stand.
func TestSnapshotMatchesSchema(t *testing.T) {
	t.Parallel()
	o := synthOptions(t, 300)
	m, q, err := dataset.Synth(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, o.Domain, m, q)
	for _, tab := range dataset.Tables() {
		var want, nulls, order []string
		for _, c := range tab.Columns {
			want = append(want, c.Name+" "+string(c.Type))
			if !c.Null {
				nulls = append(nulls, `"`+c.Name+`" IS NULL`)
			}
			if c.Null && c.Type == dataset.TypeCode {
				t.Errorf("%s.%s: a code that may be NULL", tab.Name, c.Name)
			}
		}
		got := strings.ReplaceAll(strings.Join(l.text(t, `SELECT column_name, column_type FROM (DESCRIBE snapshot."`+tab.Name+`")`), ","), "|", " ")
		if got != strings.Join(want, ",") {
			t.Errorf("%s: %s", tab.Name, got)
		}
		if n := l.number(t, `SELECT count(*) FROM snapshot."`+tab.Name+`" WHERE `+strings.Join(nulls, " OR ")); n != 0 {
			t.Errorf("%s: %d rows with NULL", tab.Name, n)
		}
		for _, c := range tab.Order {
			order = append(order, `"`+c+`"`)
		}
		if n := l.number(t, `SELECT count(*) FROM (SELECT rowid AS r, row_number() OVER (ORDER BY `+strings.Join(order, ", ")+`, rowid) - 1 AS n FROM snapshot."`+tab.Name+`") WHERE r <> n`); n != 0 {
			t.Errorf("%s: %d rows out of order", tab.Name, n)
		}
		if tab.Person {
			if n := l.number(t, `SELECT count(*) FROM snapshot."`+tab.Name+`" x LEFT JOIN snapshot.person p USING (pno, psn_key) WHERE p.pno IS NULL`); n != 0 {
				t.Errorf("%s: %d rows of nobody", tab.Name, n)
			}
		}
	}
	if n := l.number(t, "SELECT count(*) FROM (SELECT pno, row_number() OVER (ORDER BY psn_key) - 1 AS n FROM snapshot.person) WHERE pno <> n"); n != 0 {
		t.Errorf("%d people out of the order of psn_key", n)
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	for _, tab := range dataset.Tables() {
		seen := map[string]bool{}
		for _, c := range tab.Columns {
			if seen[c.Name] || c.Doc == "" {
				t.Errorf("%s.%s: twice, or without words", tab.Name, c.Name)
			}
			seen[c.Name] = true
		}
		for _, c := range append([]string{tab.Time.Date, tab.Time.Begin, tab.Time.End}, tab.Order...) {
			if c != "" && !seen[c] {
				t.Errorf("%s: there is no column %s", tab.Name, c)
			}
		}
		if tab.Person != (seen["pno"] && seen["psn_key"]) {
			t.Errorf("%s: Person is %v", tab.Name, tab.Person)
		}
		if again, ok := dataset.Lookup(tab.Name); !ok || again.Name != tab.Name {
			t.Errorf("Lookup(%s)", tab.Name)
		}
	}
	if _, ok := dataset.Lookup("nothing"); ok {
		t.Error("Lookup finds nothing")
	}
	undated := []string{}
	for _, tab := range dataset.Tables() {
		if tab.Time.Undated() {
			undated = append(undated, tab.Name)
		}
	}
	if !slices.Equal(undated, []string{"institution", "person"}) {
		t.Errorf("undated: %v", undated)
	}
}

// An import that stops anywhere leaves no snapshot, and the next one cleans up
// and goes through.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	o := options(t, "national-a", national().write(t))
	snapshots := filepath.Join(o.Domain, "snapshots")
	for _, stage := range []string{"read", "people", "map", "write", "check", "finish"} {
		ctx, cancel := context.WithCancel(context.Background())
		o.Progress = func(p dataset.Progress) {
			if p.Stage == stage {
				cancel()
			}
		}
		_, _, err := dataset.Import(ctx, o)
		cancel()
		left := files(t, snapshots)
		switch {
		case stage == "finish" && err == nil: // too late to stop
		case !errors.Is(err, context.Canceled):
			t.Errorf("%s: %v", stage, err)
		case !slices.Equal(left, []string{".import.lock"}):
			t.Errorf("%s left %q", stage, left)
		}
	}
	dead := filepath.Join(snapshots, dataset.TmpPrefix+"dead", "work")
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, "x"), []byte("left"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := dataset.List(o.Domain); err != nil || len(all) > 1 {
		t.Errorf("a half snapshot is listed: %v, %v", all, err)
	}
	o.Progress = nil
	if _, _, err := dataset.Import(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(dead)); !errors.Is(err, os.ErrNotExist) {
		t.Error("what a dead import left is still there")
	}
}

func TestOneImportAtATime(t *testing.T) {
	t.Parallel()
	o := options(t, "national-a", national().write(t))
	var inner error
	o.Progress = func(p dataset.Progress) {
		if p.Stage == "people" && inner == nil {
			second := o
			second.Progress = nil
			_, _, inner = dataset.Import(context.Background(), second)
		}
	}
	if _, _, err := dataset.Import(context.Background(), o); err != nil || !errors.Is(inner, dataset.ErrBusy) {
		t.Errorf("first %v, second %v", err, inner)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	good := options(t, "national-a", national().write(t))
	for name, spoil := range map[string]func(*dataset.Options){
		"no domain": func(o *dataset.Options) { o.Domain = "" }, "no binding": func(o *dataset.Options) { o.Binding = nil },
		"no source": func(o *dataset.Options) { o.Source = "" }, "no engine": func(o *dataset.Options) { o.Open = nil },
		"no key": func(o *dataset.Options) { o.Key = dataset.Key{} }, "negative cap": func(o *dataset.Options) { o.MaxRows = -1 },
		"a word for OnError": func(o *dataset.Options) { o.OnError = "ignore" },
	} {
		o := good
		spoil(&o)
		if _, _, err := dataset.Import(context.Background(), o); !errors.Is(err, dataset.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Faults put into a source move the indicators as they should.
func TestQualityIndicators(t *testing.T) {
	t.Parallel()
	value := func(q *dataset.Quality, name string) dataset.Indicator {
		i := slices.IndexFunc(q.Indicators, func(i dataset.Indicator) bool { return i.Name == name })
		if i < 0 {
			t.Fatal(name)
		}
		return q.Indicators[i]
	}
	clean := load(t, "national-a", national().write(t)).quality
	for _, name := range []string{"completeness", "consistency", "accuracy"} {
		if i := value(clean, name); !i.Measured || !i.Met {
			t.Errorf("clean %s: %+v", name, i)
		}
	}
	if i := value(clean, "timeliness"); i.Measured || i.Met {
		t.Errorf("timeliness without times: %+v", i)
	}
	s := national()
	for i := range s["psn_info_b"].rows {
		s["psn_info_b"].rows[i][3] = "9" // no sex
	}
	s["setl_d"].rows[2][8] = "999.00" // a total that does not add up
	s.more("setl_d", bill("D1", "M2", "P2", "2017-02-30", "5.00", "0", "1"))
	tab := s["setl_d"]
	tab.header = append(slices.Clone(tab.header), "crte_time")
	for i := range tab.rows {
		tab.rows[i] = append(tab.rows[i], []string{"2017-01-31 10:04:00", "2017-02-10 12:11:00", "", "", "", ""}[i])
	}
	s["setl_d"] = tab
	l := load(t, "national-a", s.write(t))
	dirty := l.quality
	for _, name := range []string{"completeness", "consistency", "accuracy"} {
		a, b := value(clean, name), value(dirty, name)
		if b.Met || name != "accuracy" && b.Value >= a.Value || name == "accuracy" && b.Value <= a.Value {
			t.Errorf("%s: clean %v, dirty %v", name, a, b)
		}
	}
	if i := value(dirty, "timeliness"); !i.Measured || i.Met || i.Value != 71 {
		t.Errorf("timeliness: %+v", i)
	}
	var out bytes.Buffer
	if err := dirty.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"consistency", "NOT MET", "bad_date", "71.00 min"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
	if _, err := json.Marshal(dirty); err != nil {
		t.Error(err)
	}
}
