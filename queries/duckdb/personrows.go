package duckdb

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/qunxiang/qunxiang/queries"
)

var _ queries.PersonRows = (*Engine)(nil)

// CheckRows implements [queries.PersonRows]: it lints the SQL and binds it against
// an empty schema. Errors: [ErrLint], [ErrView].
func (e *Engine) CheckRows(ctx context.Context, j queries.FeatureJob) error {
	if !hasArrow {
		return ErrNoArrow
	}
	if _, err := withViews(j.Views, ""); err != nil {
		return err
	}
	return e.lintOnce(ctx, rowsQuestion(j))
}

// People implements [queries.PersonRows]. People are taken in ranges of dense
// person numbers, in order, one statement each. A person whose rows make the
// statement fail has none: the range is halved until that person is alone
// (rule 9). After the lint every failure but yield's own is [ErrRun].
func (e *Engine) People(ctx context.Context, j queries.FeatureJob, yield func([]queries.PersonRow) error) error {
	if err := e.CheckRows(ctx, j); err != nil {
		return err
	}
	s, done, err := e.use(ctx, j.Snapshot)
	if err != nil {
		return err
	}
	defer done()
	out, err := s.optedOut(ctx, j.Epoch, e.o.OptOuts)
	if err != nil {
		return opaque(ctx)
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return opaque(ctx)
	}
	defer conn.Close()
	w := &rowWorker{worker: worker{conn: conn, args: arguments(j.Args), out: out, stmt: rowStatement(j)}, job: j}
	r := &ranges{size: s.rangeSize(ctx, j.Views, e.o.RangeRows, e.o.Threads), people: s.people, progress: e.o.Progress}
	for lo, hi, ok := r.take(); ok; lo, hi, ok = r.take() {
		rows, err := w.people(ctx, lo, hi)
		if err != nil {
			return opaque(ctx)
		}
		if err := yield(rows); err != nil {
			return err
		}
		r.finished()
	}
	return nil
}

// rowStatement selects psn_key and an integer for each column of the job.
func rowStatement(j queries.FeatureJob) *statement {
	selected := []string{"t.psn_key AS c0"}
	for i, c := range j.Columns {
		column := "t." + ident(c.Name)
		if c.Text {
			column = levelSQL(column, c.Levels)
		} else {
			column = integerSQL(column)
		}
		selected = append(selected, fmt.Sprintf("%s AS c%d", column, i+1))
	}
	return &statement{views: j.Views, body: "SELECT " + strings.Join(selected, ", ") + " FROM (\n" + trimSQL(j.SQL) + "\n) AS t"}
}

// levelSQL is the position of a text among levels, or NULL.
func levelSQL(column string, levels []string) string {
	var b strings.Builder
	b.WriteString("CASE " + column)
	for i, l := range levels {
		fmt.Fprintf(&b, " WHEN %s THEN %d::BIGINT", quote(l), i)
	}
	return b.String() + " END"
}

// rowWorker reads the rows of one range after the other.
type rowWorker struct {
	worker
	job    queries.FeatureJob
	rows   []rawRow
	keyed  hash.Hash // by the job's salt
	buffer []byte
}

type rawRow struct {
	person [16]byte
	values []int64
	hash   uint64
}

// hashed is HMAC-SHA256 over person and values, cut to 64 bits.
func (w *rowWorker) hashed(r rawRow) uint64 {
	if w.keyed == nil {
		w.keyed = hmac.New(sha256.New, w.job.Salt)
	}
	w.buffer = append(w.buffer[:0], r.person[:]...)
	for _, v := range r.values {
		w.buffer = binary.BigEndian.AppendUint64(w.buffer, uint64(v))
	}
	w.keyed.Reset()
	w.keyed.Write(w.buffer)
	w.buffer = w.keyed.Sum(w.buffer[:0])
	return binary.BigEndian.Uint64(w.buffer)
}

// people gives the rows of lo..hi. A panic counts as an error: its text, too, may
// quote data.
func (w *rowWorker) people(ctx context.Context, lo, hi uint32) (rows []queries.PersonRow, err error) {
	defer func() {
		if recover() != nil {
			rows, err = nil, ErrRun
		}
	}()
	w.rows = w.rows[:0]
	err = w.read(ctx, lo, hi)
	if err == nil {
		return w.bounded(), nil
	}
	if ctx.Err() != nil || !ofRows(err) {
		return nil, err
	}
	if lo == hi {
		return nil, nil
	}
	middle := lo + (hi-lo)/2
	first, err := w.people(ctx, lo, middle)
	if err != nil {
		return nil, err
	}
	second, err := w.people(ctx, middle+1, hi)
	return append(first, second...), err
}

func (w *rowWorker) read(ctx context.Context, lo, hi uint32) error {
	query, err := w.over(lo, hi)
	if err != nil {
		return err
	}
	return fetch(ctx, w.conn, query, w.args, w.add)
}

// add takes the rows of one record, without those that have no psn_key or a NULL
// or an undeclared level.
func (w *rowWorker) add(r arrow.RecordBatch) error {
	if int(r.NumCols()) != 1+len(w.job.Columns) {
		return errShape
	}
	person, ok := r.Column(0).(*array.Decimal128)
	if !ok {
		return errShape
	}
	columns := make([]*array.Int64, len(w.job.Columns))
	for i := range columns {
		if columns[i], ok = r.Column(1 + i).(*array.Int64); !ok {
			return errShape
		}
	}
next:
	for i := range int(r.NumRows()) {
		if person.IsNull(i) {
			continue
		}
		values := make([]int64, len(columns))
		for k, c := range columns {
			if c.IsNull(i) {
				continue next
			}
			if values[k], ok = kept(w.job.Columns[k], c.Value(i)); !ok {
				continue next
			}
		}
		key := person.Value(i)
		row := rawRow{values: values}
		for b := range 8 {
			row.person[b] = byte(uint64(key.HighBits()) >> (56 - 8*b))
			row.person[8+b] = byte(key.LowBits() >> (56 - 8*b))
		}
		row.hash = w.hashed(row)
		w.rows = append(w.rows, row)
	}
	return nil
}

// kept is the integer that stays of a column's value; false leaves the row out.
func kept(c queries.RowColumn, v int64) (int64, bool) {
	switch {
	case c.Bit >= 0:
		return v >> c.Bit & 1, v >= 0 && v <= c.Hi
	case len(c.Levels) > 0:
		return v, v >= 0 && v < int64(len(c.Levels))
	}
	return min(max(v, c.Lo), c.Hi), true
}

// bounded keeps the first rows of each person in the order of their hashes. That
// person's rows and the job's salt alone decide it: whoever lacks the salt can neither
// foresee it nor make records that stay.
func (w *rowWorker) bounded() []queries.PersonRow {
	slices.SortFunc(w.rows, func(a, b rawRow) int {
		return cmp.Or(slices.Compare(a.person[:], b.person[:]), cmp.Compare(a.hash, b.hash), slices.Compare(a.values, b.values))
	})
	out, n := make([]queries.PersonRow, 0, len(w.rows)), 0
	for i, row := range w.rows {
		if n++; i == 0 || w.rows[i-1].person != row.person {
			n = 1
		}
		if n > w.job.Rows {
			continue
		}
		values := make([]float64, len(row.values))
		for k, v := range row.values {
			values[k] = float64(v) / cmp.Or(w.job.Columns[k].Scale, 1)
		}
		out = append(out, queries.NewPersonRow(row.person, values))
	}
	return out
}
