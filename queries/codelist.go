package queries

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// CodeList is an approved, versioned list of codes for one clinical or drug
// concept, with its codes in every system it is known in. A code that ends in
// "*" stands for every code that begins so.
type CodeList struct {
	ID      string              `yaml:"id"`
	Version int                 `yaml:"version"`
	Title   Text                `yaml:"title"`
	Kind    string              `yaml:"kind"` // diagnosis, drug, procedure or drg
	Codes   map[string][]string `yaml:"codes"`
	digest  [32]byte
}

// anyCode, where a template allows it, is the choice not to filter by code.
const anyCode = "any"

// codeSystems are the systems a list may hold, by kind. A national drug code is X,
// the ATC class to its fourth level, and what tells the product; a CHS-DRG code is
// its ADRG of three characters and the level of severity.
var codeSystems = map[string][]string{
	"diagnosis": {"icd10", "snomed", "omop"},
	"drug":      {"atc", "national", "rxnorm", "omop"},
	"procedure": {"icd9cm", "snomed", "omop"},
	"drg":       {"chs-drg"},
}

// Digest names the list's exact content.
func (c *CodeList) Digest() string { return hex.EncodeToString(c.digest[:]) }

// ParseCodeList reads one list strictly.
func ParseCodeList(name string, b []byte) (*CodeList, error) {
	c := &CodeList{digest: sha256.Sum256(b)}
	if err := decodeStrict(name, b, c); err != nil {
		return nil, err
	}
	systems, ok := codeSystems[c.Kind]
	switch {
	case !idPattern.MatchString(c.ID), c.Version < 1, c.Title.EN == "", c.Title.ZH == "":
		return nil, fmt.Errorf("%w: %s: a code list needs id, version and title in en and zh", ErrTemplate, name)
	case !ok:
		return nil, fmt.Errorf("%w: %s: kind %q is not diagnosis, drug, procedure or drg", ErrTemplate, name, c.Kind)
	case len(c.Codes) == 0:
		return nil, fmt.Errorf("%w: %s: no codes", ErrTemplate, name)
	}
	for system, codes := range c.Codes {
		if !slices.Contains(systems, system) {
			return nil, fmt.Errorf("%w: %s: system %q is not one of %s", ErrTemplate, name, system, strings.Join(systems, ", "))
		}
		for _, code := range codes {
			if !codePattern.MatchString(code) {
				return nil, fmt.Errorf("%w: %s: %q is not a code", ErrTemplate, name, code)
			}
		}
	}
	return c, nil
}

// CodeSet is what one or more code lists come to: per system, whole codes and
// beginnings of codes, sorted.
type CodeSet map[string]Codes

// Codes are the members of a CodeSet in one system.
type Codes struct{ Exact, Prefix []string }

func codeSet(lists []*CodeList) CodeSet {
	out := CodeSet{}
	for _, l := range lists {
		for system, codes := range l.Codes {
			s := out[system]
			for _, c := range codes {
				if p, ok := strings.CutSuffix(c, "*"); ok {
					s.Prefix = append(s.Prefix, p)
				} else {
					s.Exact = append(s.Exact, c)
				}
			}
			out[system] = s
		}
	}
	for system, s := range out {
		slices.Sort(s.Exact)
		slices.Sort(s.Prefix)
		out[system] = Codes{slices.Compact(s.Exact), slices.Compact(s.Prefix)}
	}
	return out
}
