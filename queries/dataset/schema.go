package dataset

import "slices"

// SchemaVersion is the version of the canonical schema that [Tables] describes.
// It is written into every manifest.
const SchemaVersion = 1

// Unknown is the code a VARCHAR column holds where the source says nothing or
// nothing that can be mapped. VARCHAR columns are never NULL.
const Unknown = "unknown"

// OpenEnd is the end date of an interval that has not ended (coverage only).
const OpenEnd = "9999-12-31"

// Type is the SQL type of a column, as DuckDB writes it.
type Type string

// The types of the canonical schema. There is no floating-point type.
const (
	TypeCode      Type = "VARCHAR"  // a code or Unknown, never NULL
	TypeBig       Type = "BIGINT"   // money in fen, or a quantity times 1000: see Column.Unit
	TypeInteger   Type = "INTEGER"  // a small whole number: days, yyyymm, 0 or 1
	TypeDate      Type = "DATE"     // a day in China Standard Time
	TypeKey       Type = "UBIGINT"  // the first 64 bits of a keyed digest; 0 = none
	TypePersonNo  Type = "UINTEGER" // dense person number, 0..people-1
	TypePersonKey Type = "HUGEINT"  // psn_key: positive, 120 bits of a keyed digest
)

// Column is one column of a canonical table.
type Column struct {
	Name string
	Type Type
	Unit string // "fen", "1/1000", "days", "yyyymm", "0/1", or "" for codes, dates and keys
	Null bool   // true where NULL may stand (said in Doc); false for all others
	Doc  string
}

// Time says to which years a row belongs.
//
// Exactly one of three holds: Date names the single date column; Begin and End
// name the two ends of an interval, both days in; or all are empty and the
// table is undated, so that its rows count for the scope life only.
type Time struct {
	Date       string
	Begin, End string
}

// Undated reports whether rows of the table carry no date at all.
func (t Time) Undated() bool { return t == Time{} }

// Interval reports whether rows of the table carry a begin and an end.
func (t Time) Interval() bool { return t.Begin != "" }

// Table is one canonical table.
type Table struct {
	Name    string
	Person  bool // carries pno and psn_key and is sorted by pno; false only for institution
	Time    Time
	Columns []Column
	Order   []string // the physical order of rows
	Doc     string
}

// Column returns the column of that name.
func (t Table) Column(name string) (Column, bool) {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return t.Columns[i], true
}

// Tables returns the canonical schema in the order in which an import fills it.
// The result is the caller's own copy.
//
// Every table with Person set has pno and psn_key first and is physically
// sorted by pno. Keys of encounters and settlements are digests that include
// the person, so that a join on them can never meet another person's row.
// Care tables repeat the setting of an encounter or settlement of theirs that
// touches the row's calendar year, else it is Unknown (insutype,
// med_type, level of the institution, region of the insured; encounter and
// settlement also kind and region of the institution): a template that needs
// these joins nothing, and needs no table that is shared by people.
func Tables() []Table {
	return []Table{
		institution(), person(), coverage(), encounter(), settlement(),
		diagnosis(), procedure(), feeLine(), drgResult(), observation(),
	}
}

// Lookup returns the canonical table of that name.
func Lookup(name string) (Table, bool) {
	for _, t := range Tables() {
		if t.Name == name {
			return t, true
		}
	}
	return Table{}, false
}

func code(name, doc string) Column { return Column{Name: name, Type: TypeCode, Doc: doc} }
func fen(name, doc string) Column  { return Column{Name: name, Type: TypeBig, Unit: "fen", Doc: doc} }
func milli(name, doc string) Column {
	return Column{Name: name, Type: TypeBig, Unit: "1/1000", Doc: doc}
}
func days(name, doc string) Column {
	return Column{Name: name, Type: TypeInteger, Unit: "days", Doc: doc}
}
func flag(name, doc string) Column {
	return Column{Name: name, Type: TypeInteger, Unit: "0/1", Doc: doc}
}
func date(name, doc string) Column    { return Column{Name: name, Type: TypeDate, Doc: doc} }
func key(name, doc string) Column     { return Column{Name: name, Type: TypeKey, Doc: doc} }
func integer(name, doc string) Column { return Column{Name: name, Type: TypeInteger, Doc: doc} }

// personal puts the two person columns in front.
func personal(cols ...Column) []Column {
	return append([]Column{
		{Name: "pno", Type: TypePersonNo, Doc: "dense person number in the order of psn_key; serves ranges only, shifts from snapshot to snapshot"},
		{Name: "psn_key", Type: TypePersonKey, Doc: "the person: first 120 bits of HMAC-SHA-256 of the source identifier under the domain key"},
	}, cols...)
}

// setting is what care tables repeat from their encounter or settlement.
func setting(cols ...Column) []Column {
	return append(cols,
		code("insutype", "employee, resident, other or unknown"),
		code("med_type", "national code: 11, 12, 13, 14.., 21 (inpatient), 28 (day case), 41 (pharmacy), 71 (home bed), or unknown"),
		code("level", "level of institution: tertiary, secondary, primary or unknown"),
		code("insu_admdvs", "administrative division where the person is insured, six digits, or unknown"),
	)
}

// place adds to the setting, in the two tables that name an institution.
func place(cols ...Column) []Column {
	return append(setting(cols...),
		code("kind", "kind of institution: hospital, clinic, pharmacy or unknown"),
		code("admdvs", "administrative division of the institution, six digits, or unknown"),
	)
}

func institution() Table {
	return Table{
		Name: "institution",
		Doc:  "hospitals, clinics and pharmacies; public only where the source is declared a public list",
		Columns: []Column{
			key("inst_key", "digest of the source's institution code"),
			code("kind", "hospital, clinic, pharmacy or unknown"),
			code("level", "tertiary, secondary, primary or unknown"),
			code("admdvs", "administrative division, six digits, or unknown"),
		},
		Order: []string{"inst_key"},
	}
}

func person() Table {
	return Table{
		Name: "person", Person: true,
		Doc: "one row per insured person",
		Columns: personal(
			code("sex", "male, female or unknown"),
			Column{Name: "birth_ym", Type: TypeInteger, Unit: "yyyymm", Null: true, Doc: "year and month of birth; January where the source knows only the year; NULL if unknown"},
			Column{Name: "death_ym", Type: TypeInteger, Unit: "yyyymm", Null: true, Doc: "year and month of death; NULL if none is known"},
		),
		Order: []string{"pno"},
	}
}

func coverage() Table {
	return Table{
		Name: "coverage", Person: true, Time: Time{Begin: "begn", End: "end"},
		Doc: "spells of insurance; both days in; write c.end or \"end\", for END is a reserved word in SQL",
		Columns: personal(
			code("insutype", "employee, resident, other or unknown"),
			code("psn_type", "the source's kind of insured person (11 in work, 12 retired, ...), or unknown"),
			code("insu_admdvs", "administrative division where the person is insured, six digits, or unknown"),
			code("status", "active, paused, ended or unknown"),
			date("begn", "first day covered"),
			date("end", "last day covered; "+OpenEnd+" where it has not ended"),
		),
		Order: []string{"pno", "begn", "end"},
	}
}

func encounter() Table {
	return Table{
		Name: "encounter", Person: true, Time: Time{Begin: "begn", End: "end"},
		Doc: "visits and stays; length of stay belongs here, for one stay may have several interim settlements",
		Columns: place(personal(
			key("mdtrt_key", "the encounter: digest of person and source key"),
			key("inst_key", "the institution; not a key or parameter of templates in version 1"),
			date("begn", "first day"),
			date("end", "last day; the first day where the source gives none"),
			days("los_d", "length of stay: as recorded, else end - begn"),
			code("dept", "the source's department code, or unknown"),
			code("dscg_way", "the source's way of discharge, or unknown"),
			code("main_dx", "main diagnosis in the system of the next column, or unknown"),
			code("system", "icd10, snomed, omop or unknown"),
			code("dise_codg", "special-disease code, or unknown"),
		)...),
		Order: []string{"pno", "begn", "mdtrt_key"},
	}
}

func settlement() Table {
	return Table{
		Name: "settlement", Person: true, Time: Time{Date: "setl_date"},
		Doc: "bills settled, refunds within a calendar year already removed (one of a later year leaves the bill and is put aside); the only table to sum cost from, by setl_key",
		Columns: place(personal(
			key("setl_key", "the settlement: digest of person and source key"),
			key("mdtrt_key", "its encounter, 0 if the source names none"),
			key("inst_key", "the institution; not a key or parameter of templates in version 1"),
			date("setl_date", "day of settlement"),
			code("pay_loc", "place of payment code, or unknown"),
			fen("total_fen", "whole bill"),
			fen("fund_fen", "paid by all funds together"),
			fen("pool_fen", "of it: basic pool fund"),
			fen("serious_fen", "of it: serious-illness fund"),
			fen("large_fen", "of it: large-amount fund"),
			fen("aid_fen", "of it: medical aid"),
			fen("hosp_fen", "borne by the hospital"),
			fen("psn_fen", "borne by the person, account and cash"),
			fen("acct_fen", "of it: from the personal account"),
			fen("cash_fen", "of it: in cash"),
			fen("selfpay_full_fen", "not covered by the list at all"),
			fen("overlimit_fen", "above a price limit"),
			fen("preself_fen", "first share borne by the person"),
			fen("inscope_fen", "within the scope of insurance"),
			fen("deductible_fen", "deductible actually paid"),
		)...),
		Order: []string{"pno", "setl_date", "setl_key"},
	}
}

func diagnosis() Table {
	return Table{
		Name: "diagnosis", Person: true, Time: Time{Date: "date"},
		Doc: "diagnoses of encounters",
		Columns: setting(personal(
			key("mdtrt_key", "the encounter"),
			date("date", "its own date, else the encounter's first day"),
			code("dx_code", "code in the system of the next column"),
			code("system", "icd10, snomed or omop"),
			flag("is_main", "1 for the main diagnosis"),
			integer("seq", "place in the list, from 1; 0 if the source gives none"),
		)...),
		Order: []string{"pno", "date", "mdtrt_key", "seq", "dx_code"},
	}
}

func procedure() Table {
	return Table{
		Name: "procedure", Person: true, Time: Time{Date: "date"},
		Doc: "operations and procedures of encounters",
		Columns: setting(personal(
			key("mdtrt_key", "the encounter"),
			date("date", "its own date, else the encounter's first day"),
			code("code", "code in the system of the next column"),
			code("system", "icd9cm, snomed or omop"),
			flag("is_main", "1 for the main operation"),
		)...),
		Order: []string{"pno", "date", "mdtrt_key", "code"},
	}
}

func feeLine() Table {
	return Table{
		Name: "fee_line", Person: true, Time: Time{Date: "date"},
		Doc: "lines of bills; drugs carry ingredient and days of supply",
		Columns: setting(personal(
			key("setl_key", "the settlement, which may be of another year or not loaded; 0 if the source names none"),
			key("mdtrt_key", "the encounter, 0 if the source names none"),
			date("date", "day the fee arose"),
			code("item_code", "national item code, or the source's own code"),
			code("ingredient", "active ingredient in lower case, or omop concept id, or unknown"),
			code("atc", "ATC code, level 5 where known, or unknown"),
			code("list_type", "drug, herbal, preparation, service, material or unknown"),
			code("chrg_type", "national charge type 01 bed ... 09 western drug, 10 herbal, 11 patent medicine ... 14, or unknown"),
			code("lv", "class of the item in the list: A, B, C or unknown"),
			milli("qty_milli", "quantity times 1000"),
			fen("price_fen", "unit price; rounded half away from zero where the source has finer prices"),
			fen("amt_fen", "amount of the line"),
			fen("inscope_fen", "of it: within the scope of insurance"),
			days("days_supply", "days of supply; 0 where not recorded"),
		)...),
		Order: []string{"pno", "date", "setl_key", "item_code"},
	}
}

func drgResult() Table {
	return Table{
		Name: "drg_result", Person: true, Time: Time{Date: "date"},
		Doc: "result of the local DRG or DIP grouper, one per encounter and scheme",
		Columns: setting(personal(
			key("mdtrt_key", "the encounter"),
			date("date", "the encounter's first day, or the result's own date"),
			code("scheme", "drg, dip or unknown"),
			code("version", "version of the scheme, or unknown"),
			code("grp", "group, or unknown where it could not be grouped"),
			milli("weight_milli", "weight times 1000"),
			fen("pay_fen", "payment of the group"),
		)...),
		Order: []string{"pno", "date", "mdtrt_key", "scheme"},
	}
}

func observation() Table {
	return Table{
		Name: "observation", Person: true, Time: Time{Date: "date"},
		Doc: "optional: check-ups and wearables",
		Columns: personal(
			date("date", "day of the observation"),
			code("code", "the source's code of what was observed"),
			milli("value_milli", "value times 1000"),
		),
		Order: []string{"pno", "date", "code"},
	}
}
