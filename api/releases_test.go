package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/queries"
)

// fakeArrow writes what a columnar encoder sees.
func fakeArrow(w io.Writer, t *TableData) error {
	return json.NewEncoder(w).Encode(t)
}

func withArrow(o *Options) { o.Encoders = map[Format]Encoder{Arrow: fakeArrow} }

func released(t *testing.T, change ...func(*Options)) (*Server, *fake, string) {
	s, f := server(t, change...)
	r := f.add("insurer-a")
	f.end(r, queries.Released)
	return s, f, "/v1/releases/" + r.ID
}

// JSON is the stored bytes, with their digest, whatever is in them.
func TestReleaseIsTheStoredBytes(t *testing.T) {
	s, f, path := released(t)
	f.stored = []byte("{\"b\": 1,\"a\":1.0, \"<\":\"\\u003c\"}\r\n")
	sum := sha256.Sum256(f.stored)
	for _, header := range []string{"", "Accept: application/json", "Accept: */*", "Accept: text/html, application/*;q=0.5"} {
		w := do(s.Handler(), "GET", path, "", header)
		if w.Code != 200 || w.Body.String() != string(f.stored) {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
		for name, want := range map[string]string{
			"Content-Type":  "application/json",
			"ETag":          `"` + hex.EncodeToString(sum[:]) + `"`,
			"Repr-Digest":   "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":",
			"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization", "Content-Disposition": "",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
	tag := `"` + hex.EncodeToString(sum[:]) + `"`
	for _, match := range []string{tag, `"x", W/` + tag} {
		if w := do(s.Handler(), "GET", path, "", "If-None-Match: "+match); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != tag {
			t.Errorf("known copy: %d %q", w.Code, w.Body)
		}
	}
	if w := do(s.Handler(), "GET", path+".json", "", "If-None-Match: \"x\""); w.Code != 200 {
		t.Errorf("another copy: %d", w.Code)
	}
}

func TestReleaseFormats(t *testing.T) {
	s, _, path := released(t, withArrow)
	for _, c := range []struct{ extension, accept, media string }{
		{".csv", "", "text/csv; charset=utf-8; header=present"},
		{".csv", "application/json", "text/csv; charset=utf-8; header=present"},
		{"", "text/csv", "text/csv; charset=utf-8; header=present"},
		{"", "text/*", "text/csv; charset=utf-8; header=present"},
		{"", "application/json;q=0.1, text/csv;q=0.2", "text/csv; charset=utf-8; header=present"},
		{"", "application/json;q=0, */*;q=0.1", "text/csv; charset=utf-8; header=present"},
		{"", "text/csv;q=0.5, application/json;q=0.5", "application/json"},
		{"", "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"},
		{".arrow", "", "application/vnd.apache.arrow.stream"},
		{".json", "text/csv", "application/json"},
	} {
		w := do(s.Handler(), "GET", path+c.extension, "", "Accept: "+c.accept)
		if w.Code != 200 || w.Header().Get("Content-Type") != c.media {
			t.Errorf("%+v: %d %q", c, w.Code, w.Header().Get("Content-Type"))
		}
		sum := sha256.Sum256(readFile("testdata/release.json"))
		tag := `"` + hex.EncodeToString(sum[:])
		if got := w.Header().Get("ETag"); got == tag+`"` != (c.media == "application/json") || !strings.HasPrefix(got, tag) {
			t.Errorf("%+v: ETag %s", c, got)
		}
		attached := strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment; filename=\"q-")
		if attached == (c.media == "application/json") {
			t.Errorf("%+v: %q", c, w.Header().Get("Content-Disposition"))
		}
	}
	for _, c := range []struct{ extension, accept string }{
		{".ods", ""}, {".JSON", ""}, {".csv.json", ""}, {"", "text/html"}, {"", "application/json;q=0"}, {"", "application/json;q=2"}, {".parquet", ""}, {"", "application/vnd.apache.parquet"},
	} {
		problem(t, do(s.Handler(), "GET", path+c.extension, "", "Accept: "+c.accept), "not-acceptable", 406)
	}
	problem(t, do(s.Handler(), "GET", path+".", ""), "unknown-request", 404)
}

// An encoder that fails after its first bytes gives a problem, not half a file.
func TestEncoderFails(t *testing.T) {
	s, _, path := released(t, func(o *Options) {
		o.Encoders = map[Format]Encoder{Parquet: func(w io.Writer, _ *TableData) error {
			_, _ = w.Write([]byte("PAR1"))
			return errors.New(secret)
		}}
	})
	if w := do(s.Handler(), "GET", path+".parquet", ""); strings.Contains(w.Body.String(), "PAR1") || strings.Contains(w.Body.String(), secret) {
		t.Errorf("half a file, or why: %s", w.Body)
	} else {
		problem(t, w, "internal", 500)
	}
}

func TestReceipt(t *testing.T) {
	s, _, path := released(t)
	if w := do(s.Handler(), "GET", path+"/receipt", ""); w.Code != 200 || w.Body.String() != "{\"receipt\":  1}\n" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestCSV(t *testing.T) {
	s, _, path := released(t)
	golden(t, "release.csv", do(s.Handler(), "GET", path+".csv", "").Body.Bytes())
}

func TestTable(t *testing.T) {
	table, err := Table(readFile("testdata/release.json"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.MarshalIndent(table, "", " ")
	golden(t, "release.table.json", append(b, '\n'))
	for _, c := range table.Columns {
		n := max(len(c.Texts), len(c.Flags), len(c.Numbers))
		if n != table.Rows || c.Null != nil && len(c.Null) != table.Rows {
			t.Errorf("column %s has %d of %d rows", c.Name, n, table.Rows)
		}
	}
}

func TestTableOfNothing(t *testing.T) {
	table, err := Table([]byte(`{"keys":["region"],"groups":[]}`))
	if err != nil || table.Rows != 0 || len(table.Columns) != 2 || table.Columns[0].Texts == nil || table.Columns[1].Flags == nil {
		t.Fatalf("%+v, %v", table, err)
	}
	if _, err := Table([]byte("rubbish")); err == nil {
		t.Error("rubbish is a table")
	}
}

// Chinese text brings the mark that Excel needs; plain ASCII is left alone.
func TestByteOrderMark(t *testing.T) {
	for key, marked := range map[string]bool{"north": false, "浙江": true} {
		var b strings.Builder
		if err := WriteCSV(&b, &TableData{Rows: 1, Columns: []Column{{Name: "region", Texts: []string{key}}}}); err != nil {
			t.Fatal(err)
		}
		if want := "region\r\n" + key + "\r\n"; strings.TrimPrefix(b.String(), byteOrderMark) != want || strings.HasPrefix(b.String(), byteOrderMark) != marked {
			t.Errorf("%q", b.String())
		}
	}
}

// Whatever the keys hold, the file reads back as it was, but for an apostrophe
// before what a spreadsheet would run; and nothing in it would be run.
func TestCSVReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ \t\r\n]{0,2}[-=+@＝,";'a]{0,4}`)).Draw(t, "text")
		var b strings.Builder
		if err := WriteCSV(&b, &TableData{Rows: 1, Columns: []Column{{Name: "a", Texts: []string{"x"}}, {Name: "b", Texts: []string{text}}}}); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), byteOrderMark))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%q: %v", b.String(), err)
		}
		got := rows[1][1]
		// encoding/csv makes CRLF of line ends inside a field, drops other CRs, and reads LF.
		fold := func(s string) string { return strings.ReplaceAll(s, "\r", "") }
		if fold(strings.TrimPrefix(got, "'")) != fold(strings.TrimPrefix(text, "'")) {
			t.Fatalf("%q became %q", text, got)
		}
		if bare := strings.TrimLeft(got, " \t\r\n"); bare != "" && strings.ContainsRune("=+-@", rune(bare[0])) {
			t.Fatalf("%q would be run", got)
		}
	})
}
