package dataset

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/transform"
)

// maxLine is the longest line of a text file, in bytes.
const maxLine = 4 << 20

// readCSV copies the wanted columns of a text file, as text, into a table of
// the stage, and keeps the places of the lines that are not rows.
func (im *importer) readCSV(ctx context.Context, in *input) error {
	path, err := im.asUTF8(in)
	if err != nil {
		return err
	}
	delimiter, names, err := in.header1(path)
	if err != nil || len(in.faults) > 0 {
		if err == nil && im.o.OnError == Quarantine {
			return im.view(ctx, in, "", nil)
		}
		return err
	}
	rejects := fmt.Sprintf("rejects_%d", in.index)
	from := in.readCSVCall(path, delimiter, names, rejects)
	var list []string
	for _, n := range in.present(names) {
		list = append(list, ident(n))
	}
	if len(list) == 0 {
		list = []string{"NULL::VARCHAR AS nothing"}
	}
	table := sourceTable(in)
	create := "CREATE TABLE " + table + " AS SELECT " + strings.Join(list, ", ") + " FROM " + from
	if in.rows, err = im.exec(ctx, "read", create); err != nil {
		if errors.Is(err, ErrEngine) {
			return fmt.Errorf("%w: %s cannot be read as text", ErrSource, in.name)
		}
		return err
	}
	if in.rows, err = im.count(ctx, "SELECT count(*) FROM "+table); err != nil {
		return err
	}
	if err := im.readRejects(ctx, in, rejects); err != nil {
		return err
	}
	have := make([]column, len(names))
	for i, n := range names {
		have[i] = column{n, "VARCHAR"}
	}
	return im.view(ctx, in, table, have)
}

func (in *input) readCSVCall(path, delimiter string, names []string, rejects string) string {
	c := in.source.CSV
	columns := make([]string, len(names))
	for i, n := range names {
		columns[i] = quote(n) + ": 'VARCHAR'"
	}
	nulls := []string{"''"}
	for _, n := range c.Null {
		if n != "" {
			nulls = append(nulls, quote(n))
		}
	}
	return fmt.Sprintf(`read_csv(%s, auto_detect = false, delim = %s, quote = %s, escape = %s, header = %t,
		columns = {%s}, nullstr = [%s], store_rejects = true, rejects_limit = 0, rejects_table = '%s',
		rejects_scan = '%s_scan', strict_mode = true, max_line_size = %d)`,
		quote(path), quote(delimiter), quote(c.Quote), quote(c.Quote), !c.NoHeader,
		strings.Join(columns, ", "), strings.Join(nulls, ", "), rejects, rejects, maxLine)
}

// readRejects takes line, column and kind of every rejected line, and drops
// the engine's table, which holds the text.
func (im *importer) readRejects(ctx context.Context, in *input, table string) error {
	rows, err := im.conn.QueryContext(ctx, `SELECT line, min(column_idx), arg_min(error_type::VARCHAR, column_idx)
		FROM `+table+` GROUP BY line ORDER BY line`)
	if err != nil {
		return engineError("read", err)
	}
	defer rows.Close()
	for rows.Next() {
		var line int64
		var column *int
		var kind string
		if err := rows.Scan(&line, &column, &kind); err != nil {
			return engineError("read", err)
		}
		in.rejects = append(in.rejects, line)
		if len(in.faults) < maxFaults {
			f := Fault{File: in.name, Line: line, Reason: rejectReason(kind)}
			if column != nil {
				f.Column = *column
			}
			if kind == "MISSING COLUMNS" {
				f.Column++ // the engine names the last field that is there
			}
			in.faults = append(in.faults, f)
		}
		im.rejected = append(im.rejected, rejectedLine{in.index, line, rejectReason(kind)})
	}
	if err := rows.Err(); err != nil {
		return engineError("read", err)
	}
	for _, t := range []string{table, table + "_scan"} {
		if _, err := im.exec(ctx, "read", "DROP TABLE IF EXISTS "+t); err != nil {
			return err
		}
	}
	return nil
}

type rejectedLine struct {
	src    int
	line   int64
	reason string
}

// rejectReason is our word for DuckDB's kind of a broken line.
func rejectReason(kind string) string {
	switch kind {
	case "MISSING COLUMNS":
		return "too_few_columns"
	case "TOO MANY COLUMNS":
		return "too_many_columns"
	case "UNQUOTED VALUE":
		return "broken_quote"
	case "LINE SIZE OVER MAXIMUM":
		return "line_too_long"
	case "INVALID ENCODING", "INVALID UNICODE":
		return "wrong_encoding"
	}
	return "broken_line"
}

// header1 reads the names of the columns, from the first line or from the
// binding, and finds the delimiter: the one given, or the candidate that finds
// most of the wanted columns.
func (in *input) header1(path string) (delimiter string, names []string, err error) {
	c := in.source.CSV
	delimiter = c.Delimiter
	if c.NoHeader {
		if delimiter == "" {
			delimiter = ","
		}
		return delimiter, c.Names, nil
	}
	in.header = 1
	line, err := firstLine(path)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %s cannot be read", ErrSource, in.name)
	}
	candidates := []string{",", "\t", "|", ";", "\x01"}
	if delimiter != "" {
		candidates = []string{delimiter}
	}
	best := -1
	for _, d := range candidates {
		fields, err := splitHeader(line, rune(d[0]))
		if err != nil {
			continue
		}
		if n := len(in.present(fields)); n > best {
			best, delimiter, names = n, d, fields
		}
	}
	in.checkHeader(names)
	return delimiter, names, nil
}

// checkHeader reports a header that cannot name columns.
func (in *input) checkHeader(names []string) {
	seen := map[string]bool{}
	if len(names) == 0 {
		in.faults = append(in.faults, Fault{File: in.name, Line: 1, Reason: "no_header"})
	}
	for i, n := range names {
		if n == "" || seen[strings.ToLower(n)] || strings.ContainsRune(n, '\uFFFD') {
			in.faults = append(in.faults, Fault{File: in.name, Line: 1, Column: i + 1, Reason: "bad_header"})
		}
		seen[strings.ToLower(n)] = true
	}
}

func splitHeader(line string, delimiter rune) ([]string, error) {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.LazyQuotes = delimiter, true
	fields, err := r.Read()
	if err != nil {
		return nil, err
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(strings.ToValidUTF8(fields[i], "\uFFFD"))
	}
	return fields, nil
}

func firstLine(path string) (string, error) {
	r, err := openText(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	line, err := bufio.NewReader(io.LimitReader(r, 1<<20)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	return strings.TrimPrefix(strings.TrimRight(line, "\r\n"), "\uFEFF"), nil
}

// openText opens a text file, unpacking .gz.
func openText(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil || !strings.HasSuffix(strings.ToLower(path), ".gz") {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

// asUTF8 returns a path to the file in UTF-8: itself, or a copy in the scratch
// directory. What cannot be decoded becomes a byte that is not UTF-8, so that
// the reader rejects that line at its place.
func (im *importer) asUTF8(in *input) (string, error) {
	enc, _ := encodingOf(in.source.CSV.Encoding)
	if enc == nil {
		return in.path, nil
	}
	fail := fmt.Errorf("%w: %s cannot be read", ErrSource, in.name)
	src, err := openText(in.path)
	if err != nil {
		return "", fail
	}
	defer src.Close()
	path := filepath.Join(im.work, fmt.Sprintf("utf8_%d.csv", in.index))
	dst, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fail
	}
	decoded := transform.NewReader(src, transform.Chain(enc.NewDecoder(), markInvalid{}))
	if _, err := io.Copy(dst, decoded); err != nil {
		dst.Close()
		return "", fail
	}
	if err := dst.Close(); err != nil {
		return "", fail
	}
	return path, nil
}

// markInvalid turns the replacement character, which decoders write for bytes
// they cannot read, into the byte 0xFF, which is never UTF-8.
type markInvalid struct{ transform.NopResetter }

// Transform implements transform.Transformer.
func (markInvalid) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	const mark = "\uFFFD"
	for nSrc < len(src) {
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		if src[nSrc] == mark[0] {
			if len(src)-nSrc < len(mark) && !atEOF {
				return nDst, nSrc, transform.ErrShortSrc
			}
			if strings.HasPrefix(string(src[nSrc:min(len(src), nSrc+len(mark))]), mark) {
				dst[nDst] = 0xFF
				nDst, nSrc = nDst+1, nSrc+len(mark)
				continue
			}
		}
		dst[nDst] = src[nSrc]
		nDst, nSrc = nDst+1, nSrc+1
	}
	return nDst, nSrc, nil
}
