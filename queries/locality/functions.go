package locality

// scalars are the functions a template may call: their result depends on their
// arguments alone, not on time, settings or other rows. There is no "/", which
// makes floats, and none that makes a text or list of any length the data ask for,
// but for range, which is meant for years and months that the view has cut.
var scalars = words(`+ - * // % abs sign greatest least nullif ifnull
	|| concat lower upper trim ltrim rtrim left right substring substr length
	contains starts_with ends_with prefix suffix ~~ !~~ like_escape not_like_escape
	list_value list_contains list_has list_position list_extract list_sort len range generate_series unnest
	year month day quarter dayofmonth dayofweek isodow week date_part datepart date_trunc datetrunc
	date_diff datediff date_sub datesub date_add make_date last_day
	to_days to_weeks to_months to_quarters to_years trunc`)

// aggregates give the same result for the same rows in any order. There is none
// that picks a row (any_value, first, arg_min, which ties leave open) and none
// that adds floats (avg).
var aggregates = words(`count count_star sum min max bool_and bool_or`)

// orderedAggregates depend on the order of the rows, which ORDER BY inside them decides.
var orderedAggregates = words(`string_agg group_concat listagg list array_agg`)

// windows are allowed over rows of one person.
var windows = words(`row_number rank dense_rank lag lead first_value last_value count count_star sum min max`)

// casts are the types a template may cast to.
var casts = words(`BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT DATE VARCHAR`)

func words(text string) func(string) bool {
	set := map[string]bool{}
	word := ""
	for _, c := range text + " " {
		if c != ' ' && c != '\n' && c != '\t' {
			word += string(c)
			continue
		}
		if word != "" {
			set[word] = true
		}
		word = ""
	}
	return func(w string) bool { return set[w] }
}
