package queries

import (
	"slices"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// virtualColumns are what a view offers beyond its table's stored columns.
var virtualColumns = map[string][]string{"person": {"age"}}

func (t *Template) checkReads() error {
	if len(t.Reads) == 0 {
		return invalid("reads are needed")
	}
	seen := map[string]bool{}
	for i := range t.Reads {
		r := &t.Reads[i]
		if r.Table == "" {
			r.Table = r.View
		}
		if !namePattern.MatchString(r.View) || seen[r.View] {
			return invalid("read %q: bad or repeated view name", r.View)
		}
		seen[r.View] = true
		table, ok := dataset.Lookup(r.Table)
		if !ok {
			return invalid("read %s: no table %q in the canonical schema", r.View, r.Table)
		}
		for _, c := range r.Columns {
			if _, ok := table.Column(c); !ok && !slices.Contains(virtualColumns[r.Table], c) || c == "pno" {
				return invalid("read %s: no column %q in table %s", r.View, c, r.Table)
			}
		}
		if err := t.checkReadLimits(r, table); err != nil {
			return err
		}
	}
	return t.checkInstitutions()
}

// checkInstitutions keeps institutions out of what is told: a hospital is a
// second unit to protect. A template may compare the institutions of one
// person's records, as long as none can become a group.
func (t *Template) checkInstitutions() error {
	const inst = "inst_key"
	reads := ""
	for _, r := range t.Reads {
		if slices.Contains(r.Columns, inst) {
			reads = r.View
		}
	}
	for _, k := range t.Keys {
		switch {
		case k.Name == inst:
			return invalid("key %s: no institution may be a key or parameter", k.Name)
		case reads != "" && k.Private:
			return invalid("read %s: %s beside the private key %s: no institution may be a key or parameter, and a private key could show one", reads, inst, k.Name)
		}
	}
	return nil
}

func (t *Template) checkReadLimits(r *Read, table dataset.Table) error {
	dated := !table.Time.Undated() || r.Table == "person"
	if dated && !t.isParameter(r.Window, "window") {
		return invalid("read %s: a dated table needs window, the name of a window parameter", r.View)
	}
	if !dated && r.Window != "" {
		return invalid("read %s: table %s has no date", r.View, r.Table)
	}
	if r.Lookback < 0 || r.Lookback > 3660 {
		return invalid("read %s: lookback is 0..3660 days", r.View)
	}
	if r.LookbackParam != "" && (r.Lookback != 0 || !t.isParameter(r.LookbackParam, "integer")) {
		return invalid("read %s: lookback_parameter names an integer parameter, in place of lookback", r.View)
	}
	if err := t.checkCodes(r, table); err != nil {
		return err
	}
	for _, f := range r.Where {
		c, ok := table.Column(f.Column)
		if !ok || c.Type != dataset.TypeCode || !t.isParameter(f.Parameter, "enums") {
			return invalid("read %s: where takes a code column and an enums parameter", r.View)
		}
	}
	return nil
}

func (t *Template) checkCodes(r *Read, table dataset.Table) error {
	if r.Codes == nil {
		return nil
	}
	if _, ok := codeColumns[r.Table]; !ok {
		return invalid("read %s: table %s has no codes", r.View, r.Table)
	}
	kind, position := "code_list", r.Codes.Position
	if position != "" {
		kind = "code_lists"
		if _, ok := table.Column(position); ok || !namePattern.MatchString(position) || position == "psn_key" {
			return invalid("read %s: position %q is no new column name", r.View, position)
		}
	}
	if !t.isParameter(r.Codes.Parameter, kind) {
		return invalid("read %s: codes names no %s parameter", r.View, kind)
	}
	return nil
}

// codeColumns says which kind of list applies to a table's codes; an
// encounter's is its main diagnosis.
var codeColumns = map[string]string{"diagnosis": "diagnosis", "encounter": "diagnosis", "fee_line": "drug", "procedure": "procedure", "drg_result": "drg"}

func (t *Template) isParameter(name, kind string) bool {
	p := t.parameter(name)
	return p != nil && p.Type == kind
}

func (t *Template) checkKeys() error {
	if t.L0Lists != "" && !t.isParameter(t.L0Lists, "code_lists") {
		return invalid("l0_lists: %q is no code_lists parameter", t.L0Lists)
	}
	seen := map[string]bool{}
	for _, k := range t.Keys {
		if !namePattern.MatchString(k.Name) || seen[k.Name] || k.Name == "psn_key" {
			return invalid("key %q: bad or repeated name", k.Name)
		}
		seen[k.Name] = true
		kinds := 0
		for _, set := range []bool{len(k.Values) > 0, k.Bands != nil, k.Years != "", k.Quarter != "", k.Lists != "", k.Private} {
			if set {
				kinds++
			}
		}
		if kinds != 1 {
			return invalid("key %s is either values, bands, years, quarters, lists or private", k.Name)
		}
		if k.Lists != "" && !t.isParameter(k.Lists, "code_lists") {
			return invalid("key %s: %q is no code_lists parameter", k.Name, k.Lists)
		}
		if k.Strata != "" && (!t.isParameter(k.Strata, "strata") || !slices.Contains(t.parameter(k.Strata).Values, k.Name)) {
			return invalid("key %s: %q is no strata parameter that offers it", k.Name, k.Strata)
		}
		if k.Bands != nil {
			if err := k.Bands.check(); err != nil {
				return err
			}
		}
		for _, w := range []string{k.Years, k.Quarter} {
			if w != "" && !t.isParameter(w, "window") {
				return invalid("key %s: %q is no window parameter", k.Name, w)
			}
		}
		if v := slices.Compact(slices.Sorted(slices.Values(k.Values))); len(v) != len(k.Values) {
			return invalid("key %s: a value is there twice", k.Name)
		}
	}
	return nil
}

var axisKinds = map[string]bool{"histogram": true, "series": true, "vector": true, "survival": true}
var valueKinds = map[string]bool{"sum": true, "mean": true, "spread": true, "quantiles": true, "series": true, "vector": true}

func (t *Template) checkMeasures() error {
	for _, m := range t.Measures {
		if p := t.parameter(m.ClampTo); m.ClampTo != "" && (p == nil || p.Type != "integer" || len(m.Clamp) == 2 && p.least() <= m.Clamp[0]) {
			return invalid("measure %s: clamp_to names no integer parameter above the clamp's lower end", m.Name)
		}
	}
	seen := map[string]bool{"people": true}
	for _, m := range t.Measures {
		if !namePattern.MatchString(m.Name) || seen[m.Name] && m.Kind != "people" {
			return invalid("measure %q: bad or repeated name", m.Name)
		}
		seen[m.Name] = true
		if m.RowsName != "" && (m.Kind != "mean" && m.Kind != "spread" || !namePattern.MatchString(m.RowsName) || seen[m.RowsName]) {
			return invalid("measure %s: rows_name is a new name, of a mean or spread", m.Name)
		}
		seen[m.RowsName] = true
		if m.Title.EN == "" || m.Title.ZH == "" || m.Unit == "" {
			return invalid("measure %s needs a unit and a title in en and zh", m.Name)
		}
		if axisKinds[m.Kind] != (m.Axis != nil) {
			return invalid("measure %s: an axis belongs to histogram, series, vector and survival, and only there", m.Name)
		}
		if m.Axis != nil {
			if err := t.checkAxis(m); err != nil {
				return err
			}
		}
		if err := t.checkKind(m, seen); err != nil {
			return err
		}
		if err := m.checkBounds(); err != nil {
			return err
		}
		if err := t.checkBy(m); err != nil {
			return err
		}
	}
	return t.checkReachBy()
}

func (m Measure) checkBounds() error {
	if valueKinds[m.Kind] && (len(m.Clamp) != 2 || m.Clamp[0] >= m.Clamp[1]) {
		return invalid("measure %s: clamp needs two numbers, low below high", m.Name)
	}
	if m.Total != nil && (len(m.Total) != 2 || m.Total[0] >= m.Total[1]) {
		return invalid("measure %s: total needs two numbers, low below high", m.Name)
	}
	switch {
	case m.Kind == "vector" && (m.Clamp[0] < 0 || m.Total == nil && m.Clamp[0] != 0 || m.Total != nil && m.Total[0] != 0):
		return invalid("measure %s: a vector's clamp is not below 0 and its total begins at 0", m.Name)
	case m.Kind == "spread" && (m.Unit2 < 1 || m.Total2 < 1 || m.Rows < 1):
		return invalid("measure %s: a spread needs rows, unit2 and total2", m.Name)
	}
	if m.ClampTo != "" && len(m.Clamp) != 2 {
		return invalid("measure %s: clamp_to needs clamp", m.Name)
	}
	if m.Kind != "survival" && m.Kind != "people" && m.Reference == 0 {
		return invalid("measure %s: reference is needed, a typical public value", m.Name)
	}
	if m.People < 1 && m.Kind != "people" {
		return invalid("measure %s: reference_people is needed, a typical group size", m.Name)
	}
	return nil
}

// checkBy proves every set of bounds that a parameter can choose.
func (t *Template) checkBy(m Measure) error {
	if m.By == nil {
		return nil
	}
	p := t.parameter(m.By.Parameter)
	if p == nil || p.Type != "enum" {
		return invalid("measure %s: by names no enum parameter", m.Name)
	}
	for value := range m.By.Values {
		if !slices.Contains(p.Values, value) {
			return invalid("measure %s: by: %q is no value of %s", m.Name, value, p.Name)
		}
		if err := m.bounded(map[string]string{p.Name: value}).checkBounds(); err != nil {
			return err
		}
	}
	return nil
}

func (t *Template) checkReachBy() error {
	if t.ReachBy == nil {
		return nil
	}
	p := t.parameter(t.ReachBy.Parameter)
	if p == nil || p.Type != "enum" {
		return invalid("reach_by names no enum parameter")
	}
	for value, reach := range t.ReachBy.Values {
		if !slices.Contains(p.Values, value) || reach < 1 || reach > 10000 {
			return invalid("reach_by: %q is no value of %s, or its reach is not within 1..10000", value, p.Name)
		}
	}
	return nil
}

func (t *Template) checkAxis(m Measure) error {
	a, kinds := m.Axis, 0
	for _, set := range []bool{a.Bands != nil, a.Months != "", a.Quarters != "", a.Lists != "", a.Layers != "", len(a.Values) > 0} {
		if set {
			kinds++
		}
	}
	if kinds != 1 || a.Column == "" || a.Unit == "" {
		return invalid("measure %s: an axis needs a column, a unit and one of bands, months, quarters, lists, layers or values", m.Name)
	}
	switch {
	case a.Bands != nil:
		return a.Bands.check()
	case a.Lists != "" && t.isParameter(a.Lists, "code_lists"), a.Layers != "" && t.isParameter(a.Layers, "layers"), len(a.Values) > 0:
		return nil
	}
	if !t.isParameter(a.Months+a.Quarters, "window") {
		return invalid("measure %s: the axis names no parameter of its kind", m.Name)
	}
	return nil
}

func (t *Template) measure(name string) *Measure {
	for i := range t.Measures {
		if t.Measures[i].Name == name {
			return &t.Measures[i]
		}
	}
	return nil
}

func (t *Template) checkCoarse() error {
	for name, c := range t.Coarse.Keys {
		i := slices.IndexFunc(t.Keys, func(k Key) bool { return k.Name == name })
		if i < 0 || c.Drop == (c.Bands != nil) || c.Quarters {
			return invalid("coarse key %s: names a key and either drops it or gives bands", name)
		}
		if c.Bands != nil {
			if t.Keys[i].Bands == nil {
				return invalid("coarse key %s has no bands to widen", name)
			}
			if err := c.Bands.check(); err != nil {
				return err
			}
		}
	}
	if err := t.checkCoarseAttributes(); err != nil {
		return err
	}
	for name, c := range t.Coarse.Axes {
		m := t.measure(name)
		if m == nil || m.Axis == nil || c.Drop || c.Quarters == (c.Bands != nil) {
			return invalid("coarse axis %s: names a measure with an axis and gives bands or quarters", name)
		}
		if c.Bands != nil {
			if err := c.Bands.check(); err != nil {
				return err
			}
		}
	}
	if t.Coarse.L0 < 1 || len(t.Coarse.Keys)+len(t.Coarse.Axes)+len(t.Coarse.Attributes) == 0 {
		return invalid("coarse needs l0 and at least one wider key, axis or attribute")
	}
	return nil
}
