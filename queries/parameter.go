package queries

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parameterTypes are the kinds of values a template may ask for.
var parameterTypes = []string{"window", "date", "integer", "amounts", "layers", "enum", "enums", "strata", "code_list", "code_lists", "probabilities"}

// Parameter is a typed value a client fills in. None of them is free text that
// could reach SQL: a value is a date, a number within limits, or one of a list.
type Parameter struct {
	Name        string `yaml:"name"`
	Type        string `yaml:"type"` // one of parameterTypes
	Description Text   `yaml:"description"`
	Default     string `yaml:"default"`
	// Unit yuan takes amounts with at most two decimals; Min, Max and Default are in
	// yuan too, while the value, and what the SQL gets, is in fen.
	Unit    string `yaml:"unit"`
	Min     int64  `yaml:"min"`
	Max     int64  `yaml:"max"`     // window: most days; integer and amounts: greatest; lists: most of them, strata also at least Min
	Count   int    `yaml:"count"`   // amounts: exactly so many
	Ordered bool   `yaml:"ordered"` // code_lists: given in the order of Lists, or refused
	Within  string `yaml:"within"`  // date: the window parameter it lies in
	// Values lists an enum's choices; Binds, where given, is what each stands for in the SQL.
	Values []string            `yaml:"values"`
	Binds  map[string][]string `yaml:"binds"`
	// Lists names the approved code lists.
	Lists []string `yaml:"lists"`
	// OnlyWith lists values of enum parameters that a choice other than "any" needs.
	OnlyWith map[string]string `yaml:"only_with"`
	// ApartFrom, for a code_list, names another one whose codes must not all be in it.
	ApartFrom string `yaml:"apart_from"`
	// SourceFloor names a fact of the snapshot's source that the value must not
	// undercut, such as the gap that drug eras already merged.
	SourceFloor string `yaml:"source_floor"`
}

// Value is one parameter as understood: Text is canonical, the rest typed.
type Value struct {
	Text     string
	From, To time.Time // window, both ends in
	Int      int64
	List     []string
	Ints     []int64 // amounts; covers of layers
	Above    []int64 // attachments of layers
	Probs    []float64
}

// maxList bounds how many choices one list parameter takes.
const maxList = 50

// read understands what a client wrote, or says what is wrong with it. The
// client's own text is quoted back: it holds nothing of the data.
func (p *Parameter) read(text string) (Value, error) {
	switch p.Type {
	case "window":
		return p.readWindow(text)
	case "integer":
		n, err := p.readNumber(text)
		if err != nil {
			return Value{}, err
		}
		return Value{Text: p.number(n), Int: n}, nil
	case "enum":
		if !slices.Contains(p.Values, text) {
			return Value{}, p.refuse("%q is not one of %s", text, strings.Join(p.Values, ", "))
		}
		return Value{Text: text, List: p.Binds[text]}, nil
	case "enums":
		return p.readList(text, p.Values)
	case "strata":
		return p.readStrata(text)
	case "code_list":
		return p.readList(text, p.Lists)
	case "code_lists":
		return p.readLists(text)
	case "date":
		return p.readDate(text)
	case "amounts":
		return p.readAmounts(text)
	case "layers":
		return p.readLayers(text)
	case "probabilities":
		return p.readProbabilities(text)
	}
	return Value{}, p.refuse("has no known type")
}

// least is Min as the SQL would get it: fen where the unit is yuan.
func (p *Parameter) least() int64 {
	if p.Unit == yuanUnit {
		return 100 * p.Min
	}
	return p.Min
}

func (p *Parameter) refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrParameter, p.Name, fmt.Sprintf(format, args...))
}

func (p *Parameter) readList(text string, allowed []string) (Value, error) {
	var items []string
	for _, s := range strings.Split(text, ",") {
		s = strings.TrimSpace(s)
		if !slices.Contains(allowed, s) {
			return Value{}, p.refuse("%q is not one of %s", s, strings.Join(allowed, ", "))
		}
		items = append(items, s)
	}
	slices.Sort(items)
	items = slices.Compact(items)
	if slices.Contains(items, anyValue) {
		items = []string{anyValue} // the same question, under the same key
	}
	if len(items) > maxList {
		return Value{}, p.refuse("more than %d choices", maxList)
	}
	v := Value{Text: strings.Join(items, ",")}
	for _, s := range items {
		if b, ok := p.Binds[s]; ok {
			v.List = append(v.List, b...)
		} else {
			v.List = append(v.List, s)
		}
	}
	return v, nil
}

func (p *Parameter) readProbabilities(text string) (Value, error) {
	var out []float64
	for _, s := range strings.Split(text, ",") {
		f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || !(f > 0 && f < 1) {
			return Value{}, p.refuse("%q is not a probability between 0 and 1", s)
		}
		out = append(out, f)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if int64(len(out)) > p.Max {
		return Value{}, p.refuse("more than %d probabilities", p.Max)
	}
	text = ""
	for i, f := range out {
		if i > 0 {
			text += ","
		}
		text += strconv.FormatFloat(f, 'g', -1, 64)
	}
	return Value{Text: text, Probs: out}, nil
}

// values reads every parameter of a template: given, or its default.
func (t *Template) values(given map[string]string) (map[string]Value, error) {
	for name := range given {
		if t.parameter(name) == nil {
			return nil, fmt.Errorf("%w: %s: %s has no such parameter", ErrParameter, name, t.ID)
		}
	}
	out := make(map[string]Value, len(t.Parameters))
	for i := range t.Parameters {
		p := &t.Parameters[i]
		text, ok := given[p.Name]
		if !ok || text == "" {
			if text = p.Default; text == "" {
				return nil, p.refuse("is required")
			}
		}
		v, err := p.read(text)
		if err != nil {
			return nil, err
		}
		out[p.Name] = v
	}
	return out, t.checkDates(out)
}
