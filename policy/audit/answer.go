package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// claim is what a CHARGE, and the GRANT in force at it, say of the one answer to it.
type claim struct {
	id, template, catalogue, templateDigest, snapshot, purpose string
	epoch, due                                                 int64
	cost                                                       Cost
	scopes                                                     []string
	terms                                                      *terms
}

// claimed keeps what a released file will be held against: only as long as the charge is
// open, for there are many.
func (v *verifier) claimed(at int64, l *leaf) {
	c := &claim{id: string(l.id), template: string(l.template), catalogue: string(l.catalogue), templateDigest: string(l.templateDigest),
		snapshot: string(l.snapshot), purpose: string(l.purpose), epoch: l.epoch, due: l.due, cost: l.cost, terms: v.books.terms}
	for _, scope := range l.list {
		c.scopes = append(c.scopes, string(scope))
	}
	v.claims[at] = c
}

// answer is what a released file says of itself.
type answer struct {
	id, template, catalogue, templateDigest, snapshot, purpose, bounding string
	epoch                                                                int64
	released                                                             time.Time
	evaluation                                                           bool
	rho, delta                                                           float64
	k                                                                    int64
	scopes                                                               []string
}

// byRequest is the one bounding that can be computed again, and its noise be audited.
const byRequest = "by-request"

// differs names what a released file says otherwise than its charge, "" for nothing.
func (c *claim) differs(text []byte) string {
	if c.catalogue == training {
		if !aSum(text) {
			return "it is no sum of a training"
		}
		return ""
	}
	a, err := readAnswer(text)
	if err != nil {
		return err.Error()
	}
	slices.Sort(a.scopes)
	for _, m := range []struct {
		name string
		same bool
	}{
		{"id", a.id == c.id},
		{"template", a.template == c.template},
		{"catalogue", a.catalogue == c.catalogue},
		{"template_digest", a.templateDigest == c.templateDigest},
		{"snapshot", a.snapshot == c.snapshot},
		{"opt_out_epoch", a.epoch == c.epoch},
		{"purpose", a.purpose == c.purpose},
		{"released", a.released.Equal(time.Unix(c.due, 0))},
		{"rho", a.rho == c.cost.RhoFloat()},
		{"delta", a.delta == float64(c.cost.Delta)/1e21},
		{"scopes", slices.Equal(a.scopes, c.scopes)},
		{"evaluation", c.terms == nil || a.evaluation == (c.terms.mode == evaluation)},
		{"k", c.terms == nil || c.terms.k == "" || thresholdOf(a.k, c.terms.k)},
		{"bounding", a.bounding == byRequest || a.bounding == "" && (c.terms == nil || c.terms.mode == evaluation)},
	} {
		if !m.same {
			return "it says another " + m.name
		}
	}
	return ""
}

// aSum says whether a file may be the sum of a training: 64-bit numbers, and nothing that
// reads as an answer.
func aSum(text []byte) bool { return len(text) > 0 && len(text)%8 == 0 && !json.Valid(text) }

// thresholdOf says whether k is the number in a policy's words for its threshold.
func thresholdOf(k int64, words string) bool {
	number := strings.TrimSuffix(strings.TrimPrefix(words, "noisy, "), " where keys are private")
	return fmt.Sprint(k) == number
}

var errAnswer = errors.New("it is no released answer")

// readAnswer reads the members that a log says something of. All must be there, once and
// spelled as they are: readers of JSON differ in which of two they take.
func readAnswer(text []byte) (*answer, error) {
	a := &answer{}
	var privacy json.RawMessage
	var charged bool
	err := readMembers(text, map[string]any{"id": &a.id, "template": &a.template, "catalogue": &a.catalogue, "template_digest": &a.templateDigest,
		"snapshot": &a.snapshot, "purpose": &a.purpose, "opt_out_epoch": &a.epoch, "released": &a.released, "evaluation": &a.evaluation,
		"bounding": &a.bounding, "privacy": &privacy}, "bounding")
	if err == nil {
		err = readMembers(privacy, map[string]any{"rho": &a.rho, "delta": &a.delta, "k": &a.k, "scopes": &a.scopes, "charged": &charged}, "")
	}
	if err == nil && !charged {
		err = fmt.Errorf("%w: it says that it was not charged", errAnswer)
	}
	return a, err
}

// readMembers reads members of one object, which may have others too; one of them may be
// missing.
func readMembers(text []byte, into map[string]any, mayMiss string) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errAnswer
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return errAnswer
		}
		low := strings.ToLower(strings.ToUpper(name)) // as loosely as any reader takes it
		if seen[low] || low != name && into[low] != nil {
			return fmt.Errorf("%w: %q is there twice, or spelled otherwise", errAnswer, low)
		}
		seen[low] = true
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return errAnswer
		}
		if at := into[name]; at != nil && (string(value) == "null" || json.Unmarshal(value, at) != nil) {
			return fmt.Errorf("%w: %q is of another kind", errAnswer, name)
		}
	}
	if _, err := d.Token(); err != nil || len(bytes.TrimSpace(text[d.InputOffset():])) > 0 {
		return errAnswer
	}
	for _, name := range slices.Sorted(maps.Keys(into)) {
		if !seen[name] && name != mayMiss {
			return fmt.Errorf("%w: %q is missing", errAnswer, name)
		}
	}
	return nil
}
