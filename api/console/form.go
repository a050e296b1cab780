package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// Control is how a parameter is filled in.
type Control string

// The controls; each is one branch of the form's HTML.
const (
	controlWindow Control = "window" // two days
	controlDay    Control = "date"
	controlNumber Control = "number"
	controlOne    Control = "one"  // of several choices
	controlSome   Control = "some" // of them
	controlText   Control = "text"
)

// choice is one value that can be chosen.
type choice struct {
	Value, Label string
	On           bool
}

// field is one parameter in the form.
type field struct {
	Name, ID, Label, Limits string
	Control                 Control
	Unit, Value, From, To   string
	Min, Max, Step          string
	Choices                 []choice
}

// prefix begins the names of parameters in the form, apart from the form's own.
const prefix = "p."

// fields makes a form from a template's parameters, filled with what was given, else
// with the defaults and the declared window of the data.
func (v *view) fields(t *queries.Template, given url.Values) []field {
	var out []field
	for i := range t.Parameters {
		p := &t.Parameters[i]
		f := field{
			Name: prefix + p.Name, ID: "p-" + p.Name, Label: strings.TrimRight(v.In(p.Description), ".。"), Unit: p.Unit, Limits: v.limits(p),
			Value: p.Default, Control: controlText,
		}
		if strings.Contains(f.Label, v.Unit(f.Unit)) {
			f.Unit = "" // it is said there
		}
		if given != nil {
			f.Value = strings.Join(given[f.Name], ",")
		}
		v.control(&f, p, given)
		out = append(out, f)
	}
	return out
}

// control chooses how a parameter is filled in.
func (v *view) control(f *field, p *queries.Parameter, given url.Values) {
	chosen := strings.Split(f.Value, ",")
	choices := func(values []string) {
		for _, value := range values {
			f.Choices = append(f.Choices, choice{value, v.choiceLabel(p.Name, value), slices.Contains(chosen, value)})
		}
	}
	switch p.Type {
	case "window":
		f.Control = controlWindow
		f.From, f.To = v.window(p, given)
	case "date":
		f.Control = controlDay
		if f.Value == "" && given == nil {
			f.Value, _ = v.window(p, nil)
		}
	case "integer":
		f.Control, f.Min, f.Max, f.Step = controlNumber, strconv.FormatInt(p.Min, 10), strconv.FormatInt(p.Max, 10), "1"
		if p.Unit == "yuan" {
			f.Step = "0.01"
		}
	case "enum":
		f.Control = controlOne
		choices(p.Values)
	case "enums", "strata":
		f.Control = controlSome
		choices(p.Values)
	case "code_list", "code_lists":
		f.Control = controlSome
		choices(p.Lists)
	}
}

// choiceLabel is a value of a parameter or key in words: the title of a code list, a
// province, or a word, and of a path those of its steps. A number is a province only where
// provinces are meant.
func (v *view) choiceLabel(name, value string) string {
	if steps := strings.Split(value, ">"); len(steps) > 1 && name == "path" {
		for i, step := range steps {
			steps[i] = v.choiceLabel("", step)
		}
		return strings.Join(steps, " → ")
	}
	if list := v.c.Catalog.CodeList(value); list != nil {
		return v.In(list.Title)
	}
	switch name {
	case "columns": // of a table, by their names
		return v.Name(value)
	case "region", "treated_in", "insured_in":
		if text, ok := v.has("region " + value); ok {
			return text
		}
	}
	return v.Value(value)
}

// window is what a window of days holds: what was given, the declared window of the
// data as far as the template takes it, or nothing.
func (v *view) window(p *queries.Parameter, given url.Values) (from, to string) {
	name := prefix + p.Name
	if given != nil {
		return given.Get(name + ".from"), given.Get(name + ".to")
	}
	if v.rules.PublicTo.IsZero() {
		return "", ""
	}
	last := v.rules.PublicTo
	first := time.Date(last.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	if days := int(last.Sub(first).Hours()/24) + 1; p.Max > 0 && int64(days) > p.Max || first.Before(v.rules.PublicFrom) {
		first = v.rules.PublicFrom
	}
	return first.Format(time.DateOnly), last.Format(time.DateOnly)
}

// limits says what a parameter takes that its control does not show.
func (v *view) limits(p *queries.Parameter) string {
	switch p.Type {
	case "window":
		return v.say("at most days", v.Count(p.Max))
	case "integer":
		return v.say("from to", v.Count(p.Min), v.Count(p.Max))
	case "code_list", "enums", "enum", "date":
		return ""
	case "code_lists", "strata":
		return v.say("at most choices", v.Count(p.Max))
	case "probabilities":
		return v.say("limits probabilities", v.Count(p.Max))
	case "amounts":
		return v.say("limits amounts", v.Count(p.Count), v.Count(p.Min), v.amount(p.Max, p.Unit))
	case "layers":
		return v.say("limits layers", v.Count(p.Min), v.amount(p.Max, p.Unit))
	}
	return p.Limits()
}

// requestOf reads a filled-in form. Names it does not know are no part of it.
func requestOf(t *queries.Template, form url.Values) (queries.Request, error) {
	r := queries.Request{
		Template: t.Ref(), Coarse: form.Get("coarse") == "yes", Purpose: form.Get("purpose"),
		AllowEmpty: form.Get("allow_empty") == "yes", Parameters: map[string]string{},
	}
	// What is no price is none: the form comes back with one.
	if rho, err := strconv.ParseFloat(form.Get("max_rho"), 64); err == nil && rho > 0 && !math.IsInf(rho, 0) {
		r.MaxRho = rho
	}
	for i := range t.Parameters {
		p := &t.Parameters[i]
		value := strings.Join(form[prefix+p.Name], ",")
		if p.Type == "window" {
			value = form.Get(prefix+p.Name+".from") + ".." + form.Get(prefix+p.Name+".to")
			if value == ".." {
				value = ""
			}
		}
		if value != "" {
			r.Parameters[p.Name] = value
		}
	}
	var err error
	if text := form.Get("public_people"); text != "" {
		if r.PublicPeople, err = strconv.ParseInt(text, 10, 64); err != nil {
			return r, fmt.Errorf("%w: the size of the population is not a whole number", queries.ErrParameter)
		}
	}
	return r, accuracyOf(form, &r)
}

// accuracyOf reads how accurate or how dear the answer may be.
func accuracyOf(form url.Values, r *queries.Request) error {
	switch form.Get("by") {
	case "relative":
		r.Accuracy = []string{form.Get("measure") + "=" + form.Get("percent") + "% at " + form.Get("people")}
	case "absolute":
		r.Accuracy = []string{form.Get("measure") + "=" + form.Get("error")}
	case "cost":
		cost, err := strconv.ParseFloat(strings.TrimSpace(form.Get("cost")), 64)
		if err != nil || cost == 0 { // which queries.Request takes for "not given"
			return fmt.Errorf("%w: a cost must be a number above 0", queries.ErrAccuracy)
		}
		r.Cost = cost
	}
	return nil
}

// newKey begins the idempotency keys of one page's form.
func newKey() string {
	var b [12]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// idempotencyKey is the same for the same form sent again, by reload or double click,
// and another for what was changed in it. The agreed price is no part of the question.
func idempotencyKey(key string, form url.Values) string {
	rest := url.Values{}
	for name, values := range form {
		if name != "form_token" && name != "max_rho" {
			rest[name] = values
		}
	}
	sum := sha256.Sum256([]byte(key + "\n" + rest.Encode()))
	return "console-" + hex.EncodeToString(sum[:16])
}
