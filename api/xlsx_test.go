package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// read gives the cells of a workbook, by sheet.
func read(t *testing.T, b []byte) map[string][][]string {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][][]string{}
	for _, sheet := range f.GetSheetList() {
		if out[sheet], err = f.GetRows(sheet, excelize.Options{RawCellValue: true}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestXLSX(t *testing.T) {
	s, _, path := released(t)
	w := do(s.Handler(), "GET", path+".xlsx", "")
	if w.Code != 200 || w.Header().Get("Content-Type") != media[XLSX] {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	for range 20 { // with the library's own order of parts, one of two differs
		if again := do(s.Handler(), "GET", path, "", "Accept: "+media[XLSX]); !bytes.Equal(again.Body.Bytes(), w.Body.Bytes()) {
			t.Fatal("the same release is another file, under the same ETag")
		}
	}
	sheets := read(t, w.Body.Bytes())
	b, _ := json.MarshalIndent(sheets, "", " ")
	golden(t, "release.xlsx.json", append(b, '\n'))
	sum := sha256.Sum256(readFile("testdata/release.json"))
	if !strings.Contains(string(b), hex.EncodeToString(sum[:])) {
		t.Error("the cover does not name the digest that the log has")
	}
	table, err := Table(readFile("testdata/release.json"))
	if err != nil || len(sheets[dataSheet]) != table.Rows+1 {
		t.Errorf("%d rows of %d: %v", len(sheets[dataSheet])-1, table.Rows, err)
	}
}

// Text that looks like a formula is text, and what no cell may hold is left out.
func TestXLSXText(t *testing.T) {
	table, err := Table(readFile("testdata/release.json"))
	if err != nil {
		t.Fatal(err)
	}
	nasty := `=HYPERLINK("http://example.org","x")`
	table.Columns = []Column{{Name: "+name", Texts: []string{nasty, "a\x00\x1bb", strings.Repeat("群", longestText+5), "5-9"}}}
	table.Rows = 4
	table.Release.Title.EN = nasty
	var out bytes.Buffer
	if err := WriteXLSX(&out, table); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, cell := range []string{"A1", "A2", "A3", "A4", "A5"} {
		if formula, _ := f.GetCellFormula(dataSheet, cell); formula != "" {
			t.Errorf("%s has the formula %q", cell, formula)
		}
	}
	if formula, _ := f.GetCellFormula(coverSheet, "B1"); formula != "" {
		t.Errorf("the cover has the formula %q", formula)
	}
	rows := read(t, out.Bytes())[dataSheet]
	for i, want := range []string{"+name", nasty, "ab", strings.Repeat("群", longestText), "5-9"} {
		if rows[i][0] != want {
			t.Errorf("row %d is %.40q", i, rows[i][0])
		}
	}
}

func TestXLSXTooLong(t *testing.T) {
	table := &TableData{Rows: excelize.TotalRows}
	if err := WriteXLSX(io.Discard, table); !errors.Is(err, errNotAcceptable) {
		t.Errorf("%v", err)
	}
}

// Numbers are shown with their thousands, and with decimals where a column has any; what is
// in fen is said to be.
func TestXLSXNumbers(t *testing.T) {
	table, err := Table(readFile("testdata/release.json"))
	if err != nil {
		t.Fatal(err)
	}
	table.Columns = []Column{
		{Name: "people_value", Unit: "people", Numbers: []float64{1234, 0, 50}, Null: []bool{false, true, false}},
		{Name: "ratio_value", Unit: "share", Numbers: []float64{1234.5, 2, 0.1234567}},
	}
	table.Rows = 3
	for unit, noted := range map[string]bool{"people": false, "fen": true} {
		table.Columns[0].Unit = unit
		var out bytes.Buffer
		if err := WriteXLSX(&out, table); err != nil {
			t.Fatal(err)
		}
		f, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		for cell, want := range map[string]string{"A2": "1,234", "A4": "50", "B2": "1,234.50", "B3": "2.00", "B4": "0.123457"} {
			if got, err := f.GetCellValue(dataSheet, cell); err != nil || got != want {
				t.Errorf("%s is shown as %q, want %q", cell, got, want)
			}
		}
		cover, err := f.GetRows(coverSheet)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(fmt.Sprint(cover), "100 fen are 1 yuan") != noted {
			t.Errorf("in %s: the cover says of money: %v", unit, !noted)
		}
		f.Close()
	}
}

// A person reads one time on a page and in a workbook, and machines read another, which
// says so.
func TestXLSXTime(t *testing.T) {
	table, err := Table(readFile("testdata/release.json"))
	if err != nil {
		t.Fatal(err)
	}
	table.Release.Released = time.Date(2026, 1, 31, 16, 30, 0, 0, time.UTC) // the next day there
	var out bytes.Buffer
	if err := WriteXLSX(&out, table); err != nil {
		t.Fatal(err)
	}
	for _, row := range read(t, out.Bytes())[coverSheet] {
		if row[0] == "Released 发布时间" {
			if row[1] != "2026-02-01 00:30:00\nChina Standard Time (UTC+8) 北京时间" {
				t.Errorf("released at %q", row[1])
			}
			return
		}
	}
	t.Error("the cover does not say when")
}
