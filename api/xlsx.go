package api

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// errTooLong means that a table is longer than a worksheet can be.
var errTooLong = fmt.Errorf("%w: a worksheet has at most %d rows", errNotAcceptable, excelize.TotalRows)

const (
	coverSheet = "About 说明"
	dataSheet  = "Data 数据"
	// longestText is the most characters a cell may have.
	longestText = excelize.TotalCellChars
)

// WriteXLSX writes a table as a workbook of two sheets: what it is, in English and
// Chinese, and the rows. Text is text, also where it looks like a formula; null is
// an empty cell; suppressed groups are grey. The same table gives the same bytes.
// Errors: a table of more rows than a worksheet may have.
func WriteXLSX(w io.Writer, t *TableData) error {
	if t.Rows >= excelize.TotalRows {
		return errTooLong
	}
	f := excelize.NewFile()
	defer f.Close()
	looks, err := newLooks(f)
	if err != nil {
		return err
	}
	at := t.Release.Released.UTC().Format(time.RFC3339)
	if err := errors.Join(
		f.SetSheetName("Sheet1", coverSheet),
		f.SetDocProps(&excelize.DocProperties{
			Creator: "Qunxiang", LastModifiedBy: "Qunxiang", Created: at, Modified: at,
			Title: t.Release.Title.EN, Identifier: t.Release.ID,
		}),
		writeCover(f, looks, t),
		writeData(f, looks, t),
	); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		return err
	}
	return inOrder(w, b.Bytes())
}

// inOrder writes a workbook's parts by their names: the library has the sheets in any
// order, and one ETag is for one file.
func inOrder(w io.Writer, workbook []byte) error {
	r, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		return err
	}
	slices.SortFunc(r.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	z := zip.NewWriter(w)
	for _, part := range r.File {
		if err := z.Copy(part); err != nil {
			return err
		}
	}
	return z.Close()
}

// looks are the styles of a workbook.
type looks struct{ title, label, text, warning, head, number, whole, grey int }

func newLooks(f *excelize.File) (looks, error) {
	var l looks
	wrapped := &excelize.Alignment{Vertical: "top", WrapText: true}
	line := []excelize.Border{{Type: "bottom", Color: "8A94A0", Style: 1}}
	fill := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"EDF1F5"}}
	decimals, whole := "#,##0.00####", "#,##0" // of optional digits alone, whole numbers would end in a point
	var errs []error
	for _, x := range []struct {
		to    *int
		style excelize.Style
	}{
		{&l.title, excelize.Style{Font: &excelize.Font{Bold: true, Size: 15}, Alignment: wrapped}},
		{&l.label, excelize.Style{Font: &excelize.Font{Color: "4A5560"}, Alignment: wrapped}},
		{&l.text, excelize.Style{Alignment: wrapped}},
		{&l.warning, excelize.Style{Font: &excelize.Font{Bold: true, Color: "9C2A10"}, Alignment: wrapped}},
		{&l.head, excelize.Style{Font: &excelize.Font{Bold: true}, Fill: fill, Border: line, Alignment: wrapped}},
		{&l.number, excelize.Style{CustomNumFmt: &decimals}},
		{&l.whole, excelize.Style{CustomNumFmt: &whole}},
		{&l.grey, excelize.Style{Font: &excelize.Font{Color: "8A94A0", Italic: true}}},
	} {
		id, err := f.NewStyle(&x.style)
		*x.to, errs = id, append(errs, err)
	}
	return l, errors.Join(errs...)
}

func writeCover(f *excelize.File, l looks, t *TableData) error {
	s, err := f.NewStreamWriter(coverSheet)
	if err != nil {
		return err
	}
	if err := errors.Join(s.SetColWidth(1, 1, 30), s.SetColWidth(2, 2, 96)); err != nil {
		return err
	}
	for i, line := range cover(t) {
		style := l.text
		switch {
		case i == 0:
			style = l.title
		case line.warns:
			style = l.warning
		}
		row := []any{excelize.Cell{StyleID: l.label, Value: line.label}, excelize.Cell{StyleID: style, Value: cut(line.text)}}
		if err := s.SetRow(fmt.Sprintf("A%d", i+1), row); err != nil {
			return err
		}
	}
	return s.Flush()
}

func writeData(f *excelize.File, l looks, t *TableData) error {
	if _, err := f.NewSheet(dataSheet); err != nil {
		return err
	}
	s, err := f.NewStreamWriter(dataSheet)
	if err != nil {
		return err
	}
	if err := errors.Join(
		s.SetColWidth(1, max(1, len(t.Columns)), 18),
		s.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}),
	); err != nil {
		return err
	}
	head, numbers := make([]any, len(t.Columns)), make([]int, len(t.Columns))
	for i, c := range t.Columns {
		numbers[i] = l.number
		if c.whole() {
			numbers[i] = l.whole
		}
		name := c.Name
		if c.Unit != "" {
			name += " [" + c.Unit + "]"
		}
		head[i] = excelize.Cell{StyleID: l.head, Value: cut(name)}
	}
	if err := s.SetRow("A1", head); err != nil {
		return err
	}
	at := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Flags != nil && c.Name == "suppressed" })
	for row := range t.Rows {
		cells := make([]any, len(t.Columns))
		hidden := at >= 0 && t.Columns[at].Flags[row]
		for i, c := range t.Columns {
			cells[i] = l.cell(c, row, hidden, numbers[i])
		}
		if err := s.SetRow(fmt.Sprintf("A%d", row+2), cells); err != nil {
			return err
		}
	}
	return s.Flush()
}

// cell is one cell of a row, with the style of the column's numbers; that of a suppressed
// group is grey.
func (l looks) cell(c Column, row int, hidden bool, number int) any {
	style := 0
	if hidden {
		style = l.grey
	}
	switch {
	case c.Null != nil && c.Null[row]:
		return nil
	case c.Texts != nil:
		return excelize.Cell{StyleID: style, Value: cut(c.Texts[row])}
	case c.Flags != nil:
		return excelize.Cell{StyleID: style, Value: c.Flags[row]}
	}
	return excelize.Cell{StyleID: number, Value: c.Numbers[row]}
}

// whole says that a column of numbers has no fractions.
func (c Column) whole() bool {
	for i, x := range c.Numbers {
		if (c.Null == nil || !c.Null[i]) && x != math.Trunc(x) {
			return false
		}
	}
	return true
}

// cut leaves out what no cell may hold: control characters, and text beyond its length.
func cut(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, s)
	if n := utf8.RuneCountInString(s); n > longestText {
		s = string([]rune(s)[:longestText])
	}
	return s
}
