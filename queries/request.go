package queries

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/qunxiang/qunxiang/dp"
)

// Request is what a client asks: which template, with which parameters, for
// which purpose, and how accurate or how dear the answer may be.
type Request struct {
	Template   string            `json:"template"` // id, id@version or catalogue id
	Coarse     bool              `json:"coarse,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Purpose    string            `json:"purpose,omitempty"`  // "": the first of the grant, or the only one that fits
	Accuracy   []string          `json:"accuracy,omitempty"` // [MEASURE=]ERROR, see ParseAccuracy
	Cost       float64           `json:"cost,omitempty"`     // rho, in place of Accuracy
	// Only names the groups that are wanted, by key, several by comma. The answer
	// is the whole table all the same: leaving groups out would save nothing, and
	// a stored table answers every selection of its groups free.
	Only map[string]string `json:"only,omitempty"`
	// PublicPeople is the declared size of the population, where the policy declares none.
	PublicPeople int64 `json:"public_people,omitempty"`
	// AllowEmpty buys a table that is predicted to be mostly suppressed.
	AllowEmpty bool `json:"allow_empty,omitempty"`
	// MaxRho is the price that was agreed to, in rho: a charge above it is refused with
	// ErrPrice. 0: whatever it costs. It is no part of the question: what an answer that
	// the caller has covers is free whatever it says, and so is an idempotency key again.
	MaxRho float64 `json:"max_rho,omitempty"`
}

// OnlyFree is a MaxRho below every charge: half of the ledger's smallest unit of rho.
// Whoever was told that the answer is free agrees to no more.
const OnlyFree = 0.5e-12

// ParseAccuracy reads "[MEASURE=]ERROR", where ERROR is the wanted half-width
// of the 95 % interval: "50" in the measure's unit, money in yuan, or "5% at 1000", a share of
// the template's reference value in a group of that many people.
func ParseAccuracy(text string) (dp.Error, error) {
	refuse := func(why string) (dp.Error, error) {
		return dp.Error{}, fmt.Errorf("%w: %q %s", ErrAccuracy, text, why)
	}
	measure, rest, ok := strings.Cut(text, "=")
	if !ok {
		measure, rest = "", text
	}
	out := dp.Error{Measure: strings.TrimSpace(measure)}
	number, at, relative := strings.Cut(rest, "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil && !math.IsInf(f, 0) {
		return refuse("is not an error like 50 or 5% at 1000")
	}
	if !(f > 0) || math.IsInf(f, 0) {
		return refuse("must be above 0 and finite")
	}
	if !relative {
		out.Abs = f
		return out, nil
	}
	size, found := strings.CutPrefix(strings.TrimSpace(at), "at ")
	if !found {
		return refuse("needs a group size: 5% at 1000")
	}
	if out.At, err = strconv.Atoi(strings.TrimSpace(size)); err != nil || out.At < 1 || out.At > maxPeople {
		return refuse("needs a group size of 1 or more")
	}
	out.Rel = f / 100
	return out, nil
}

// want turns the request's accuracy or cost into what dp prices.
func (r Request) want() (dp.Want, error) {
	if r.MaxRho < 0 || math.IsNaN(r.MaxRho) || math.IsInf(r.MaxRho, 0) {
		return dp.Want{}, fmt.Errorf("%w: max_rho must be above 0 and finite", ErrAccuracy)
	}
	if r.Cost != 0 && len(r.Accuracy) != 0 {
		return dp.Want{}, fmt.Errorf("%w: give an accuracy or a cost, not both", ErrAccuracy)
	}
	if r.Cost != 0 {
		return dp.Want{Rho: r.Cost}, nil
	}
	if len(r.Accuracy) == 0 {
		return dp.Want{}, fmt.Errorf("%w: say how accurate the answer must be, or what it may cost", ErrAccuracy)
	}
	var w dp.Want
	for _, a := range r.Accuracy {
		e, err := ParseAccuracy(a)
		if err != nil {
			return dp.Want{}, err
		}
		w.Errors = append(w.Errors, e)
	}
	return w, nil
}

// checkOnly refuses a selection of groups that there cannot be.
func (q *Question) checkOnly(only map[string]string) error {
	for name, text := range only {
		i := slices.IndexFunc(q.Job.Spec.Keys, func(k dp.Key) bool { return k.Name == name })
		if i < 0 {
			return fmt.Errorf("%w: only: %q is no key of this table", ErrParameter, name)
		}
		k := q.Job.Spec.Keys[i]
		for _, v := range strings.Split(text, ",") {
			if !k.Private && !slices.Contains(k.Values, v) {
				return fmt.Errorf("%w: only: %q is not one of %s", ErrParameter, v, strings.Join(k.Values, ", "))
			}
		}
	}
	return nil
}

// canonicalKey names what is asked of which data, without the accuracy: equal
// requests have equal keys however they are written. A code list counts as the
// codes it holds, unless the table shows its name. The key is keyed, because the
// log is public and parameters may be trade secrets.
func (q *Question) canonicalKey(secret []byte) string {
	var lists []CodeSet
	parameters := maps.Clone(q.Parameters)
	for i, v := range q.Job.Views {
		if v.Codes != nil {
			lists = append(lists, v.Codes)
			delete(parameters, q.Template.Reads[i].Codes.Parameter)
		}
		lists = append(lists, v.Lists...)
	}
	body, _ := json.Marshal(struct {
		Template, Snapshot string
		Coarse             bool
		Parameters         map[string]string
		Codes              []CodeSet
		K                  int
		NoisyK             bool
	}{q.Template.Digest(), q.Job.Snapshot, q.Coarse, parameters, lists, q.Job.Spec.K, q.Job.Spec.NoisyK})
	return keyed(secret, "canonical key", body)
}

// digest names a request to the letter, accuracy included: an idempotency key
// is good for one digest. The agreed price is left out: who lost a connection looks at
// the price again, where the answer may be free by now, and must get the same ticket.
func (r Request) digest(secret []byte) string {
	r.MaxRho = 0
	body, _ := json.Marshal(r)
	return keyed(secret, "request", body)
}

func keyed(secret []byte, what string, body []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(what + "\x00"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// saltOf decides which groups and rows of a person with too many stay in the
// answer to a request. It is pseudo-random, has nothing to do with the data, and
// can be had again where the answer is audited.
func saltOf(secret []byte, id string) (salt [16]byte) {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("groups and rows of a person\x00" + id))
	copy(salt[:], h.Sum(nil))
	return salt
}
