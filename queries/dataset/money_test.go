package dataset_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

func TestParseFen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "1": 100, "+1": 100, "12.3": 1230, "12.34": 1234, "-12.34": -1234, "12.3400": 1234, "1,234.50": 123450, "1,234,567": 123456700,
		" 5 ": 500, "000012.50": 1250, "10000000000.00": dataset.MaxFen, "0.010": 1, "100000000": 10000000000, "0000000000000000000000001": 100,
	} {
		if got, ok := dataset.ParseFen(text); !ok || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", " ", ".", "1.", ".5", "12.345", "12.001", "1e3", "1_000", "0x10", "12,34", "1,2345", ",123", "1,,234", "1 000", "--1", "+-1", "¥5", "5元", "NaN", "inf",
		"10000000000.01", "99999999999999999999", "1.2.3", "1,234,56.00", "٣",
	} {
		if got, ok := dataset.ParseFen(text); ok {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
}

// amounts draws text near the grammar.
func amounts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[+-]?[0-9]{1,12}(\.[0-9]{0,4}0{0,3})?`),
		rapid.StringMatching(`[+-]?[0-9]{1,3}(,[0-9]{2,4}){0,3}(\.[0-9]{1,3})?`),
		rapid.StringMatching(`[-+0-9., e_x]{0,8}`),
	)
}

// What ParseFen takes is exactly the decimal written, by exact arithmetic.
func TestParseFenIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := amounts().Draw(rt, "text")
		got, ok := dataset.ParseFen(text)
		if !ok {
			return
		}
		r, good := new(big.Rat).SetString(strings.ReplaceAll(strings.TrimSpace(text), ",", ""))
		if !good || r.Mul(r, big.NewRat(100, 1)).Cmp(big.NewRat(got, 1)) != 0 {
			rt.Fatalf("%q became %d", text, got)
		}
	})
}

// The SQL that imports use agrees with ParseFen.
func TestFenSQLAgrees(t *testing.T) {
	t.Parallel()
	conn := testConn(t)
	stmt, err := conn.PrepareContext(context.Background(), "SELECT "+dataset.FenTextSQL("x")+" FROM (SELECT $1::VARCHAR AS x)")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	check := func(text string) error {
		var got sql.NullInt64
		if err := stmt.QueryRow(text).Scan(&got); err != nil {
			return fmt.Errorf("%q: %v", text, err)
		}
		if want, ok := dataset.ParseFen(text); ok != got.Valid || want != got.Int64 {
			return fmt.Errorf("%q: SQL says %v, Go %d %v", text, got, want, ok)
		}
		return nil
	}
	for _, text := range []string{"12.345", "1,234.50", "12.340", "12.3450", "10000000000", "10000000000.01", "-5", "+5", "", " 7 ", "\t7", "9999999999999", "1e3", "1_0", "0000000000000000001.5", "999,999,999,999,999.00", "1.", ".5"} {
		if err := check(text); err != nil {
			t.Error(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		if err := check(amounts().Draw(rt, "text")); err != nil {
			rt.Fatal(err)
		}
	})
}

func FuzzParseFen(f *testing.F) {
	for _, s := range []string{"1", "-1,234.50", "12.345", "٣", "1e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fen, ok := dataset.ParseFen(s)
		if !ok {
			return
		}
		if fen > dataset.MaxFen || fen < -dataset.MaxFen {
			t.Fatalf("%q: %d", s, fen)
		}
		sign := ""
		if fen < 0 {
			sign, fen = "-", -fen
		}
		if again, ok := dataset.ParseFen(fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)); !ok || sign == "" && again != fen || sign != "" && again != -fen {
			t.Fatalf("%q does not come back", s)
		}
	})
}

// Every type of source is converted from what it is; what is not exact, or
// could overflow, becomes NULL and never an error.
func TestConvertedTypes(t *testing.T) {
	t.Parallel()
	conn := testConn(t)
	col := func(table, name string) dataset.Column {
		tab, _ := dataset.Lookup(table)
		c, ok := tab.Column(name)
		if !ok {
			t.Fatal(name)
		}
		return c
	}
	total, price, qty := col("settlement", "total_fen"), col("fee_line", "price_fen"), col("fee_line", "qty_milli")
	day, days, birth, flag := col("settlement", "setl_date"), col("encounter", "los_d"), col("person", "birth_ym"), col("diagnosis", "is_main")
	for _, c := range []struct {
		col                  dataset.Column
		value, sqlType, want string
	}{
		{total, "12.34", "DECIMAL(16,2)", "1234"}, {total, "-12.3", "DECIMAL(18,1)", "-1230"}, {total, "12.34", "DECIMAL(18,4)", "1234"},
		{total, "12.3456", "DECIMAL(18,4)", "NULL"}, {total, "9999999999999999.99", "DECIMAL(18,2)", "NULL"}, {total, "12.34", "DECIMAL(38,10)", "1234"},
		{total, "99999999999999999999999999", "DECIMAL(38,10)", "NULL"}, {total, "12", "BIGINT", "1200"}, {total, "9223372036854775807", "BIGINT", "NULL"},
		{total, "12.34", "DOUBLE", "1234"}, {total, "0.1", "DOUBLE", "10"}, {total, "49112.87100000001", "DOUBLE", "NULL"}, {total, "0.30000000000000004", "DOUBLE", "NULL"},
		{total, "nan", "DOUBLE", "NULL"}, {total, "inf", "DOUBLE", "NULL"}, {total, "1e300", "DOUBLE", "NULL"}, {total, "12.34", "FLOAT", "1234"},
		{total, "170141183460469231731687303715884105727", "HUGEINT", "NULL"},
		{price, "30.125", "DECIMAL(16,6)", "3013"}, {price, "-30.125", "DECIMAL(16,6)", "-3013"}, {price, "30.1249", "VARCHAR", "3012"}, {price, "0.0049999999999", "VARCHAR", "0"},
		{price, "30.125", "DOUBLE", "3013"}, {price, "1e300", "DOUBLE", "NULL"}, {price, "x", "VARCHAR", "NULL"},
		{qty, "3.5", "VARCHAR", "3500"}, {qty, "1,000", "VARCHAR", "1000000"}, {qty, "2", "INTEGER", "2000"}, {qty, "9223372036854775807", "BIGINT", "NULL"},
		{qty, "170141183460469231731687303715884105727", "HUGEINT", "NULL"}, {qty, "99999999999999999.9", "DECIMAL(18,1)", "NULL"}, {days, "1e300", "DOUBLE", "NULL"},
		{day, "2017-02-28", "VARCHAR", "2017-02-28"}, {day, "2017-02-30", "VARCHAR", "NULL"}, {day, "20170228", "VARCHAR", "2017-02-28"}, {day, "20170228101112", "VARCHAR", "2017-02-28"},
		{day, "2017/02/28 10:00", "VARCHAR", "2017-02-28"}, {day, "2017-02-28T23:59:59Z", "VARCHAR", "2017-02-28"}, {day, "infinity", "VARCHAR", "NULL"}, {day, "epoch", "VARCHAR", "NULL"},
		{day, "2017-02-28 (BC)", "VARCHAR", "NULL"}, {day, "2017-02-28 23:00:00", "TIMESTAMP", "2017-02-28"}, {day, "2017-02-28 23:00:00+00", "TIMESTAMPTZ", "2017-03-01"},
		{days, "3.0", "VARCHAR", "3"}, {days, "3.5", "VARCHAR", "NULL"}, {days, "-1", "VARCHAR", "NULL"}, {days, "99999999999999999999", "VARCHAR", "NULL"}, {days, "7", "DOUBLE", "7"},
		{birth, "1950", "VARCHAR", "195001"}, {birth, "1950-03", "VARCHAR", "195003"}, {birth, "195013", "VARCHAR", "NULL"}, {birth, "1950-03-07", "DATE", "195003"}, {birth, "195003", "INTEGER", "195003"},
		{flag, "true", "BOOLEAN", "1"}, {flag, "2", "VARCHAR", "NULL"}, {flag, "0", "VARCHAR", "0"},
	} {
		expr, ok := dataset.Converted(c.col, "x", c.sqlType, "")
		if !ok {
			t.Errorf("%s from %s: refused", c.col.Name, c.sqlType)
			continue
		}
		var got sql.NullString
		err := conn.QueryRowContext(context.Background(), "SELECT ("+expr+")::VARCHAR FROM (SELECT $1::VARCHAR::"+c.sqlType+" AS x)", c.value).Scan(&got)
		if !got.Valid {
			got.String = "NULL"
		}
		if err != nil || got.String != c.want {
			t.Errorf("%s from %s %s: %s, %v; want %s", c.col.Name, c.sqlType, c.value, got.String, err, c.want)
		}
	}
	if _, ok := dataset.Converted(total, "x", "DATE", ""); ok {
		t.Error("a date as money")
	}
}
