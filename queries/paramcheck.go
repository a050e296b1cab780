package queries

import (
	"slices"
	"strings"
)

// check proves that a declared parameter has limits.
func (p *Parameter) check() error {
	if p.Unit == yuanUnit && (p.Min < 0 || p.Max > maxYuan) {
		return invalid("%s %s: amounts in yuan lie within 0..%d", p.Type, p.Name, int64(maxYuan))
	}
	switch p.Type {
	case "window":
		if p.Max < 1 || p.Max > 3660 {
			return invalid("window %s needs max, at most 3660 days", p.Name)
		}
	case "date":
	case "integer":
		if p.Min >= p.Max || p.Unit == "" {
			return invalid("integer %s needs min < max and a unit", p.Name)
		}
	case "amounts", "layers":
		if p.Min < 0 || p.Min >= p.Max || p.Unit == "" || (p.Type == "amounts") != (p.Count > 0) || p.Count > maxList {
			return invalid("%s %s needs 0 <= min < max and a unit, and amounts their count, at most %d", p.Type, p.Name, maxList)
		}
	case "probabilities":
		if p.Max < 1 || p.Max > 20 {
			return invalid("probabilities %s needs max within 1..20", p.Name)
		}
	case "enum", "enums", "strata":
		return p.checkValues()
	case "code_list", "code_lists":
		if len(p.Lists) == 0 {
			return invalid("code list %s names no approved lists", p.Name)
		}
		if p.Type == "code_lists" && (p.Max < 1 || p.Max > maxList) {
			return invalid("code lists %s need max within 1..%d", p.Name, maxList)
		}
	default:
		return invalid("parameter %s: type %q is not one of %s", p.Name, p.Type, strings.Join(parameterTypes, ", "))
	}
	return nil
}

func (p *Parameter) checkValues() error {
	if len(p.Values) == 0 {
		return invalid("%s needs values", p.Name)
	}
	if p.Type == "strata" && (p.Max < 1 || p.Min < 0 || p.Min > p.Max || p.Binds != nil) {
		return invalid("strata %s need max, a min that is not above it, and no binds", p.Name)
	}
	for v := range p.Binds {
		if !slices.Contains(p.Values, v) {
			return invalid("%s: binds %q, which is not a value", p.Name, v)
		}
	}
	if len(p.Binds) != 0 && len(p.Binds) != len(p.Values) {
		return invalid("%s: every value needs its binds", p.Name)
	}
	return nil
}
