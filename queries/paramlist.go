package queries

import (
	"slices"
	"strconv"
	"strings"
)

// noStrata is the choice of no stratum at all.
const noStrata = "none"

// readStrata takes up to Max of the keys that a template offers to divide by, or
// of other choices of which Min are needed.
func (p *Parameter) readStrata(text string) (Value, error) {
	if text == noStrata && p.Min == 0 {
		return Value{Text: noStrata}, nil
	}
	v, err := p.readList(text, p.Values)
	if err == nil && int64(len(v.List)) > p.Max {
		return Value{}, p.refuse("%d strata are more than %d", len(v.List), p.Max)
	}
	if err == nil && int64(len(v.List)) < p.Min {
		return Value{}, p.refuse("fewer than %d are given", p.Min)
	}
	return v, err
}

// readLists takes several approved lists that stay apart: each has its own
// position, in the order of the declaration.
func (p *Parameter) readLists(text string) (Value, error) {
	var v Value
	last := -1
	for _, s := range strings.Split(text, ",") {
		s = strings.TrimSpace(s)
		i := slices.Index(p.Lists, s)
		switch {
		case i < 0:
			return Value{}, p.refuse("%q is not one of %s", s, strings.Join(p.Lists, ", "))
		case slices.Contains(v.List, s):
			return Value{}, p.refuse("%q is given twice", s)
		case p.Ordered && i < last:
			return Value{}, p.refuse("steps out of order: %s comes before %s", s, p.Lists[last])
		}
		v.List, last = append(v.List, s), i
	}
	if int64(len(v.List)) > p.Max {
		return Value{}, p.refuse("%d lists are more than %d", len(v.List), p.Max)
	}
	slices.SortFunc(v.List, func(a, b string) int { return slices.Index(p.Lists, a) - slices.Index(p.Lists, b) })
	v.Text = strings.Join(v.List, ",")
	return v, nil
}

// readNumber takes a whole number within the limits. Where the unit is yuan, it
// takes an amount with at most two decimals and gives it in fen.
func (p *Parameter) readNumber(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if p.Unit == yuanUnit {
		return p.readYuan(text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, p.refuse("%q is not a whole number", text)
	}
	if n < p.Min || n > p.Max {
		return 0, p.refuse("%d is not within %d..%d", n, p.Min, p.Max)
	}
	return n, nil
}

// number is the canonical text of what readNumber gave.
func (p *Parameter) number(n int64) string {
	if p.Unit == yuanUnit {
		return yuanText(n)
	}
	return strconv.FormatInt(n, 10)
}

// readAmounts takes exactly Count numbers in the parameter's unit.
func (p *Parameter) readAmounts(text string) (Value, error) {
	var v Value
	var texts []string
	for _, s := range strings.Split(text, ",") {
		n, err := p.readNumber(s)
		if err != nil {
			return Value{}, err
		}
		v.Ints, texts = append(v.Ints, n), append(texts, p.number(n))
	}
	if len(v.Ints) != p.Count {
		return Value{}, p.refuse("%d numbers, where %d are needed", len(v.Ints), p.Count)
	}
	v.Text = strings.Join(texts, ",")
	return v, nil
}

// maxLayers bounds the layers of one question.
const maxLayers = 12

// readLayers takes reinsurance layers COVERxsATTACHMENT, both in the
// parameter's unit, such as 100000xs50000: what is above 50,000, up to 100,000.
func (p *Parameter) readLayers(text string) (Value, error) {
	type layer struct{ above, cover int64 }
	var layers []layer
	for _, s := range strings.Split(text, ",") {
		a, b, ok := strings.Cut(s, "xs")
		if !ok {
			return Value{}, p.refuse("%q is not a layer like 100000xs50000", strings.TrimSpace(s))
		}
		cover, err := p.readNumber(a)
		if err != nil {
			return Value{}, err
		}
		above, err := p.readNumber(b)
		if err != nil {
			return Value{}, err
		}
		if cover == 0 {
			return Value{}, p.refuse("a layer covers more than 0")
		}
		layers = append(layers, layer{above, cover})
	}
	slices.SortFunc(layers, func(a, b layer) int {
		if a.above != b.above {
			return int(min(1, max(-1, a.above-b.above)))
		}
		return int(min(1, max(-1, a.cover-b.cover)))
	})
	layers = slices.Compact(layers)
	if len(layers) > maxLayers {
		return Value{}, p.refuse("%d layers are more than %d", len(layers), maxLayers)
	}
	var v Value
	for _, l := range layers {
		v.Above, v.Ints = append(v.Above, l.above), append(v.Ints, l.cover)
		v.List = append(v.List, p.number(l.cover)+"xs"+p.number(l.above))
	}
	v.Text = strings.Join(v.List, ",")
	return v, nil
}
