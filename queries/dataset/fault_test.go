package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// spoil writes the national fixture and replaces one file.
func spoil(t testing.TB, name, text string) string {
	t.Helper()
	folder := national().write(t)
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

const people = "psn_no,certno,gend,brdy,vali_flag\n"

// files lists every file under a directory.
func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestBrokenText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []string // faults as file:line:column: reason
		people     int64    // left when broken lines are put aside; 0: the import fails then too
	}{
		{"too few columns", people + "P1,C1,1,1950-03-07,1\nP2,C2\nP3,C3,2,1990-06-15,1\n", []string{"psn_info_b.csv:3:3: too_few_columns"}, 2},
		{"too many columns", people + "P1,C1,1,1950-03-07,1\nP2,C2,1,1950-01-01,1,9\nP3,C3,2,1990-06-15,1\n", []string{"psn_info_b.csv:3:6: too_many_columns"}, 2},
		{"wrong encoding", people + "P1,C1,1,1950-03-07,1\nP2,\xd5\xc5,1,1950-01-01,1\nP3,C3,2,1990-06-15,1\n", []string{"psn_info_b.csv:3:2: wrong_encoding"}, 2},
		{"unterminated quote", people + "P1,C1,1,1950-03-07,1\nP3,C3,2,1990-06-15,1\nP2,\"C2,1,1950-01-01,1\n", []string{"psn_info_b.csv:4:2: broken_quote"}, 2},
		{"text after a quote", people + "P1,C1,1,1950-03-07,1\nP3,\"C3\"x,2,1990-06-15,1\n", []string{"psn_info_b.csv:3:2: broken_quote"}, 1},
		{"a quoted line break is one line", people + "P1,\"C\n1\",1,1950-03-07,1\nP2\n", []string{"psn_info_b.csv:3:2: too_few_columns"}, 1},
		{"missing column", "psn_no,certno,brdy\nP1,C1,1950-03-07\n", []string{"psn_info_b.csv:1:0: missing_column (column gend)"}, 1},
		{"column twice", "psn_no,certno,gend,brdy,gend\nP1,C1,1,1950-03-07,1\n", []string{"psn_info_b.csv:1:5: bad_header"}, 0},
		{"empty file", "", []string{"psn_info_b.csv:1:0: no_header"}, 0},
		{"two faults", people + "P1\nP2,C2,1,1950-01-01,1\nP3,C3\n", []string{"psn_info_b.csv:2:2: too_few_columns", "psn_info_b.csv:4:3: too_few_columns"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t, "testdata/people.good.yaml", spoil(t, "psn_info_b.csv", c.text))
			_, _, err := dataset.Import(context.Background(), o)
			var broken *dataset.BrokenError
			if !errors.Is(err, dataset.ErrBroken) || !errors.As(err, &broken) {
				t.Fatalf("abort: %v", err)
			}
			var got []string
			for _, f := range broken.Faults {
				got = append(got, f.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("faults %q, want %q", got, c.want)
			}
			if left := files(t, filepath.Join(o.Domain, "snapshots")); !slices.Equal(left, []string{".import.lock"}) {
				t.Errorf("abort left %q", left)
			}
			o.OnError = dataset.Quarantine
			m, q, err := dataset.Import(context.Background(), o)
			if c.people == 0 {
				if err == nil {
					t.Error("imported without people")
				}
				return
			}
			if err != nil || m.People != c.people || q.FaultCount != int64(len(c.want)) {
				t.Fatalf("quarantine: %+v, %v", m, err)
			}
		})
	}
}

// Broken lines are in the quarantine at their lines, and shift the lines of
// rows put aside after them.
func TestBrokenLinesInQuarantine(t *testing.T) {
	t.Parallel()
	o := options(t, "testdata/people.good.yaml", spoil(t, "psn_info_b.csv", people+
		"P1,C1,1,1950-03-07,1\nP2\nP2,C2,1,nonsense,1\nP3\nP4\nP5,C5,1,nonsense,1\nP6,C6,1,1950-03-07,1\n"))
	o.OnError = dataset.Quarantine
	l := loadWith(t, o)
	got := slices.DeleteFunc(l.quarantine(t), func(q string) bool { return !strings.HasPrefix(q, "psn_info_b") })
	want := []string{
		"psn_info_b.csv|3||too_few_columns", "psn_info_b.csv|4|person|bad_date", "psn_info_b.csv|5||too_few_columns",
		"psn_info_b.csv|6||too_few_columns", "psn_info_b.csv|7|person|bad_date",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestSourceFolder(t *testing.T) {
	t.Parallel()
	folder := national().write(t)
	o := options(t, "national-a", folder)
	steps := []struct {
		name string
		do   func() error
	}{
		{"no such folder", func() error { o.Source = filepath.Join(folder, "none"); return nil }},
		{"a file is missing", func() error {
			o.Source = folder
			return os.Rename(filepath.Join(folder, "setl_d.csv"), filepath.Join(folder, "x"))
		}},
		{"a file is there twice", func() error {
			if err := os.Rename(filepath.Join(folder, "x"), filepath.Join(folder, "setl_d.csv")); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(folder, "SETL_D.txt"), []byte("x\n"), 0o600)
		}},
		{"not Parquet", func() error {
			if err := os.Remove(filepath.Join(folder, "SETL_D.txt")); err != nil {
				return err
			}
			return os.Rename(filepath.Join(folder, "setl_d.csv"), filepath.Join(folder, "setl_d.parquet"))
		}},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := dataset.Import(context.Background(), o); !errors.Is(err, dataset.ErrSource) {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

// Chinese encodings are read; bytes that are not in the encoding are found at
// their line and column.
func TestEncodings(t *testing.T) {
	t.Parallel()
	text := people + "P1,张三1,1,1950-03-07,1\nP2,李四2,2,1980-01-01,1\n"
	encoded, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	binding := filepath.Join(t.TempDir(), "gbk.yaml")
	yaml := "name: people\nversion: 1\ncsv: {encoding: GBK}\nsources:\n  psn_info_b: {columns: [psn_no, certno, gend, brdy]}\n" +
		"tables:\n  person:\n    - {from: psn_info_b, id: certno, columns: {sex: \"CASE gend WHEN '1' THEN 'male' END\", birth_ym: brdy}}\n"
	if err := os.WriteFile(binding, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	l := load(t, binding, spoil(t, "psn_info_b.csv", encoded))
	if n := l.number(t, "SELECT count(*) FROM snapshot.person WHERE psn_key = "+testKey(t).PersonKey("张三1").Big().String()); n != 1 {
		t.Error("a Chinese identifier was not decoded")
	}
	o := options(t, binding, spoil(t, "psn_info_b.csv", encoded+"P3,\xff\xff,1,1950-01-01,1\n"))
	_, _, err = dataset.Import(context.Background(), o)
	if err == nil || !strings.Contains(err.Error(), "psn_info_b.csv:4:2: wrong_encoding") {
		t.Errorf("got %v", err)
	}
}

// canary is text that stands in rows that fail; it must be nowhere after. unread
// is text of a column that no binding names; it must never be anywhere.
const (
	canary = "CANARY-7391-secret"
	unread = "UNREAD-5512-secret"
)

// No text of a row that fails a cast, is broken or is refused shows in an error,
// in progress, in the quality report, in the quarantine or in any file; neither
// does a column the binding does not name.
func TestCanary(t *testing.T) {
	t.Parallel()
	s := national()
	for i := range s["psn_info_b"].rows {
		s["psn_info_b"].rows[i][2] = unread // psn_name
	}
	s.more("setl_d",
		bill("A1", "M2", "P2", "2017-06-08", canary, "0", "1"), bill("A2", "M2", "P2", canary, "5.00", "0", "1"),
		bill(canary, "M2", canary, "2017-06-08", "5.00", "0", "1"),
		bill(canary, "M2", "P2", "2017-06-08", "5.00", "0", "1")) // becomes a key
	s.more("fee_list_d", canary+",M2,P2,XA1,101,09,01,2017-06-08,"+canary+",1,1,1,1,1")
	folder := s.write(t)
	f, err := os.OpenFile(filepath.Join(folder, "setl_d.csv"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(canary + ",x\n\"" + canary); err != nil {
		t.Fatal(err)
	}
	f.Close()
	o := options(t, "national-a", folder)
	var said bytes.Buffer
	o.Progress = func(p dataset.Progress) {
		said.WriteString(p.Stage)
		if p.Stage != "map" { // scratch files are there, but not the columns nobody named
			return
		}
		for _, name := range files(t, o.Domain) {
			if b, err := os.ReadFile(filepath.Join(o.Domain, name)); err != nil || bytes.Contains(b, []byte(unread)) {
				t.Errorf("an unread column is in %s (%v)", name, err)
			}
		}
	}
	if _, _, err := dataset.Import(context.Background(), o); err == nil {
		t.Error("broken lines passed")
	} else {
		said.WriteString(err.Error())
	}
	o.OnError = dataset.Quarantine
	l := loadWith(t, o)
	if err := l.quality.Print(&said); err != nil {
		t.Fatal(err)
	}
	said.WriteString(strings.Join(l.quarantine(t), "\n"))
	if l.quality.Tables["settlement"].QuarantinedTotal() != 3 || l.quality.FaultCount != 2 {
		t.Errorf("the canary rows were not refused: %+v, %d faults", *l.quality.Tables["settlement"], l.quality.FaultCount)
	}
	hard := filepath.Join(t.TempDir(), "hard.yaml") // a steward's cast that fails
	yaml := "name: hard\nversion: 1\nsources:\n  psn_info_b: {columns: [certno, psn_name]}\n" +
		"tables:\n  person: [{from: psn_info_b, id: certno, columns: {birth_ym: CAST(psn_name AS INTEGER)}}]\n"
	if err := os.WriteFile(hard, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Binding, err = dataset.LoadBinding(hard)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := dataset.Import(context.Background(), o); !errors.Is(err, dataset.ErrEngine) {
		t.Errorf("a failing cast: %v", err)
	} else {
		said.WriteString(err.Error())
	}
	if strings.Contains(said.String(), "secret") {
		t.Errorf("the canary sings: %s", said.String())
	}
	for _, name := range files(t, o.Domain) {
		b, err := os.ReadFile(filepath.Join(o.Domain, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("-secret")) {
			t.Errorf("the canary is in %s", name)
		}
	}
}
