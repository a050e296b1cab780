package dataset

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Limits of what is plausible. A value beyond them puts its row aside.
const (
	minDate      = "1900-01-01"
	maxMilli     = 1_000_000_000_000 // quantities and weights, times 1000
	maxInteger   = 1_000_000         // small whole numbers
	maxDays      = 50_000            // lengths of stay, days of supply
	maxCodeBytes = 64
)

// form is the family of SQL types that an expression of a binding may have.
type form int

const (
	formText form = iota
	formWhole
	formDecimal
	formFloat
	formDate
	formTime
	formBool
	formOther
)

var decimalType = regexp.MustCompile(`^DECIMAL\((\d+),(\d+)\)$`)

// formOf sorts a DuckDB type name.
func formOf(sqlType string) form {
	switch t := strings.ToUpper(sqlType); {
	case t == "VARCHAR", strings.HasPrefix(t, "ENUM"), t == `"NULL"`, t == "NULL":
		return formText
	case strings.HasSuffix(t, "INT"), strings.HasSuffix(t, "INTEGER"):
		return formWhole
	case decimalType.MatchString(t):
		return formDecimal
	case t == "DOUBLE", t == "FLOAT":
		return formFloat
	case t == "DATE":
		return formDate
	case strings.HasPrefix(t, "TIMESTAMP"):
		return formTime
	case t == "BOOLEAN":
		return formBool
	}
	return formOther
}

// converted returns an SQL expression of the column's type for the column
// reference x of type sqlType: NULL where x is NULL or cannot be converted
// exactly. unit is "fen" where a money expression is in fen already.
// ok is false where no value of that type could ever fit the column.
func converted(c Column, x, sqlType, unit string) (sql string, ok bool) {
	f := formOf(sqlType)
	switch {
	case c.Type == TypeCode:
		return codeSQL(c.Name, x, f), f != formOther && f != formFloat
	case c.Type == TypeDate:
		return dateSQL(x, f)
	case c.Unit == "yyyymm":
		return monthSQL(x, f)
	case c.Unit == "0/1":
		return flagSQL(x, f)
	case c.Unit == "fen" && unit != "fen" && c.Name == "price_fen":
		return scaledSQL(x, f, 2, MaxFen)
	case c.Unit == "fen" && unit != "fen":
		return fenSQL(x, f, sqlType)
	case c.Unit == "fen":
		return wholeSQL(x, f, "BIGINT", -MaxFen, MaxFen)
	case c.Unit == "1/1000":
		return scaledSQL(x, f, 3, maxMilli)
	case c.Unit == "days":
		return wholeSQL(x, f, "INTEGER", 0, maxDays)
	}
	return wholeSQL(x, f, "INTEGER", -maxInteger, maxInteger)
}

// fenSQL: money in yuan, exact or NULL. A float is taken only if it is the
// nearest float to an amount with two decimals: then the amount is certain.
func fenSQL(x string, f form, sqlType string) (string, bool) {
	switch f {
	case formText:
		return fenTextSQL(x), true
	case formWhole:
		return fmt.Sprintf("CASE WHEN %[1]s BETWEEN -%[2]d AND %[2]d THEN %[1]s::BIGINT * 100 END", x, int64(MaxFen/100)), true
	case formDecimal:
		exact := ""
		if scaleOf(sqlType) > 2 {
			exact = " AND round(" + x + ", 2) = " + x
		}
		return fmt.Sprintf("CASE WHEN %s BETWEEN -%d AND %d%s THEN (round(%s, 2) * 100)::BIGINT END",
			x, int64(MaxFen/100), int64(MaxFen/100), exact, x), true
	case formFloat:
		d := "TRY_CAST(" + x + " AS DECIMAL(18,2))"
		return fmt.Sprintf("CASE WHEN TRY_CAST(%[1]s AS %[2]s) = %[3]s THEN %[4]s END", d, sqlType, x,
			boundFen("TRY_CAST("+d+" * 100 AS BIGINT)")), true
	}
	return "", false
}

// scaledSQL: quantities and unit prices times 10^digits, rounded half away from
// zero; they are never summed to a bill, amounts are. The range is looked at
// before anything is multiplied, so that no value can overflow.
func scaledSQL(x string, f form, digits int, limit int64) (string, bool) {
	bound := limit
	for range digits {
		bound /= 10
	}
	scaled := func(d string) string {
		return fmt.Sprintf("CASE WHEN %[1]s BETWEEN -%[2]d AND %[2]d THEN (round(%[1]s, %[3]d) * 1%[4]s)::BIGINT END",
			d, bound, digits, strings.Repeat("0", digits))
	}
	switch f {
	case formText:
		t := "replace(" + x + ", ',', '')"
		return "CASE WHEN regexp_full_match(" + t + `, '[+-]?[0-9]{1,11}(\.[0-9]{1,6})?') THEN ` + scaled("TRY_CAST("+t+" AS DECIMAL(18,6))") +
			" WHEN regexp_full_match(" + t + `, '[+-]?[0-9]{1,18}(\.[0-9]+)?') THEN ` + scaled("TRY_CAST("+t+" AS DECIMAL(38,19))") + " END", true
	case formWhole:
		return scaled("TRY_CAST(" + x + " AS DECIMAL(18,0))"), true
	case formDecimal:
		return scaled(x), true
	case formFloat:
		return scaled("TRY_CAST(" + x + " AS DECIMAL(18,6))"), true
	}
	return "", false
}

// scaleOf is the number of decimals of a DECIMAL type.
func scaleOf(sqlType string) int {
	m := decimalType.FindStringSubmatch(strings.ToUpper(sqlType))
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[2])
	if err != nil {
		return 0
	}
	return n
}

// wholeSQL: whole numbers within [lo, hi]; "3.0" is 3, "3.5" is nothing.
func wholeSQL(x string, f form, as string, lo, hi int64) (string, bool) {
	var d string
	switch f {
	case formText:
		d = "CASE WHEN regexp_full_match(" + x + `, '[+-]?[0-9]{1,18}(\.0*)?') THEN TRY_CAST(regexp_replace(` + x + `, '\..*$', '') AS BIGINT) END`
	case formWhole:
		d = "TRY_CAST(" + x + " AS BIGINT)"
	case formDecimal, formFloat:
		d = fmt.Sprintf("CASE WHEN %[1]s = trunc(%[1]s) THEN TRY_CAST(%[1]s AS BIGINT) END", x)
	case formBool:
		d = "TRY_CAST(" + x + " AS BIGINT)"
	default:
		return "", false
	}
	return fmt.Sprintf("CASE WHEN %[1]s BETWEEN %[2]d AND %[3]d THEN (%[1]s)::%[4]s END", d, lo, hi, as), true
}

// dateSQL: the day as written; a time of day is dropped, a time with a zone is
// taken in China Standard Time.
func dateSQL(x string, f form) (string, bool) {
	switch f {
	case formDate:
		return x, true
	case formTime:
		return "TRY_CAST(" + x + " AS DATE)", true
	case formText:
		return fmt.Sprintf(`CASE
	WHEN regexp_full_match(%[1]s, '\d{4}[-/]\d{2}[-/]\d{2}([T ][0-9:.]*(Z|[+-]\d{2}:?\d{2})?)?') THEN TRY_CAST(replace(left(%[1]s, 10), '/', '-') AS DATE)
	WHEN regexp_full_match(%[1]s, '\d{8}(\d{6})?') THEN TRY_CAST(left(%[1]s, 4) || '-' || substr(%[1]s, 5, 2) || '-' || substr(%[1]s, 7, 2) AS DATE) END`, x), true
	}
	return "", false
}

// monthSQL: yyyymm from a date, from yyyymm, or from a year (January then).
func monthSQL(x string, f form) (string, bool) {
	ofDate := func(d string) string { return "(year(" + d + ") * 100 + month(" + d + "))::INTEGER" }
	bounded := func(ym string) string {
		return "CASE WHEN (" + ym + ") % 100 BETWEEN 1 AND 12 THEN (" + ym + ")::INTEGER END"
	}
	switch f {
	case formDate, formTime:
		d, _ := dateSQL(x, f)
		return ofDate(d), true
	case formWhole:
		return bounded("TRY_CAST(" + x + " AS INTEGER)"), true
	case formText:
		d, _ := dateSQL(x, f)
		return `CASE WHEN regexp_full_match(` + x + `, '\d{4}') THEN TRY_CAST(` + x + ` || '01' AS INTEGER)
	WHEN regexp_full_match(` + x + `, '\d{4}-?\d{2}') THEN ` + bounded("TRY_CAST(replace("+x+", '-', '') AS INTEGER)") + `
	ELSE ` + ofDate("("+d+")") + ` END`, true
	}
	return "", false
}

// flagSQL: 0 or 1.
func flagSQL(x string, f form) (string, bool) {
	if f == formText {
		return "CASE WHEN lower(" + x + ") IN ('1', 'true', 't', 'y', 'yes') THEN 1 WHEN lower(" + x +
			") IN ('0', 'false', 'f', 'n', 'no') THEN 0 END", true
	}
	return wholeSQL(x, f, "INTEGER", 0, 1)
}

// closed lists the codes of columns whose values are ours, not the source's.
func closed(column string) []string {
	switch column {
	case "sex":
		return []string{"male", "female"}
	case "insutype":
		return []string{"employee", "resident", "other"}
	case "kind":
		return []string{"hospital", "clinic", "pharmacy"}
	case "level":
		return []string{"tertiary", "secondary", "primary"}
	case "status":
		return []string{"active", "paused", "ended"}
	case "list_type":
		return []string{"drug", "herbal", "preparation", "service", "material"}
	case "lv":
		return []string{"A", "B", "C"}
	case "system":
		return []string{"icd10", "icd9cm", "snomed", "omop"}
	case "scheme":
		return []string{"drg", "dip"}
	}
	return nil
}

// codeSQL: a code; NULL if it is too long or not one of a closed list: the
// caller writes Unknown then.
func codeSQL(column, x string, f form) string {
	t := x
	if f != formText {
		t = x + "::VARCHAR"
	}
	if list := closed(column); list != nil {
		return "CASE WHEN " + t + " IN ('" + strings.Join(list, "', '") + "') THEN " + t + " END"
	}
	switch column {
	case "med_type":
		return "CASE WHEN regexp_full_match(" + t + `, '\d{2,6}') THEN ` + t + " END"
	case "admdvs", "insu_admdvs":
		return "CASE WHEN regexp_full_match(" + t + `, '\d{6}') THEN ` + t + " END"
	}
	return fmt.Sprintf("CASE WHEN strlen(%[1]s) <= %[2]d THEN %[1]s END", t, maxCodeBytes)
}
