package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/qunxiang/qunxiang/dp"
)

// file is policy.yaml as written. Texts are pointers or checked, because the
// decoder turns 123 into "123".
type file struct {
	Version      int          `yaml:"version"`
	Mode         string       `yaml:"mode"`
	Population   string       `yaml:"population"`
	PublicPeople int64        `yaml:"public_people"`
	K            string       `yaml:"k"`
	Caps         fileCaps     `yaml:"caps"`
	Slots        fileSlots    `yaml:"slots"`
	OptOutEpoch  string       `yaml:"opt_out_epoch"`
	Principals   []filePerson `yaml:"principals"`
	Grants       []fileGrant  `yaml:"grants"`
}

type fileCaps struct {
	Year fileCap `yaml:"year"`
	Life fileCap `yaml:"life"`
}

type fileCap struct {
	Epsilon float64 `yaml:"epsilon"`
	Delta   float64 `yaml:"delta"`
}

type fileSlots struct {
	Undeclared string      `yaml:"undeclared"`
	Classes    []fileClass `yaml:"classes"`
}

type fileClass struct {
	People int64  `yaml:"people"`
	Slot   string `yaml:"slot"`
}

type filePerson struct {
	ID           string `yaml:"id"`
	Organisation string `yaml:"organisation"`
	Roles        []Role `yaml:"roles"`
}

type fileGrant struct {
	ID        string   `yaml:"id"`
	Principal string   `yaml:"principal"`
	Templates []string `yaml:"templates"`
	Purposes  []string `yaml:"purposes"`
	Until     string   `yaml:"until"`
	QuotaRho  float64  `yaml:"quota_rho"`
}

// Load reads a policy file.
func Load(path string) (*Policy, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, b)
}

// Parse reads a policy strictly: one document, no unknown or repeated key. name
// stands for the file in messages, which are ErrPolicy.
func Parse(name string, b []byte) (*Policy, error) {
	var f file
	d := yaml.NewDecoder(strings.NewReader(string(b)), yaml.Strict())
	if err := d.Decode(&f); err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			at := ye.GetToken().Position
			return nil, fmt.Errorf("%w: %s:%d:%d: %s", ErrPolicy, name, at.Line, at.Column, ye.GetMessage())
		}
		return nil, fmt.Errorf("%w: %s: not a policy", ErrPolicy, name)
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %s: more than one document", ErrPolicy, name)
	}
	p, err := f.policy()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPolicy, name, err)
	}
	sum := sha256.Sum256(b)
	p.digest = hex.EncodeToString(sum[:])
	return p, nil
}

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func (f *file) policy() (*Policy, error) {
	p := &Policy{Mode: f.Mode, Population: f.Population, PublicPeople: f.PublicPeople}
	switch {
	case f.Version != 1:
		return nil, errors.New("version must be 1")
	case f.Mode != ModeEvaluation:
		return nil, fmt.Errorf("mode %q is not %s", f.Mode, ModeEvaluation)
	case !idPattern.MatchString(f.Population):
		return nil, errors.New("population is missing or not a plain name")
	case f.PublicPeople < 0:
		return nil, errors.New("public_people is below 0")
	}
	for _, step := range []func(*Policy) error{f.threshold, f.caps, f.times, f.people, f.grants} {
		if err := step(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (f *file) threshold(p *Policy) error {
	if f.K == "noisy" {
		p.K, p.NoisyK = KFloor, true
		return nil
	}
	if _, err := fmt.Sscanf(f.K, "%d", &p.K); err != nil || fmt.Sprint(p.K) != f.K || p.K < KFloor || p.K > 1_000_000 {
		return fmt.Errorf("k must be noisy or a whole number of at least %d", KFloor)
	}
	return nil
}

func (f *file) caps(p *Policy) error {
	p.Caps = Caps{Year: Cap(f.Caps.Year), Life: Cap(f.Caps.Life)}
	p.ConversionDelta = f.Caps.Life.Delta
	var err error
	if p.year, err = dp.CapFor(f.Caps.Year.Epsilon, f.Caps.Year.Delta); err != nil {
		return fmt.Errorf("caps: year: %w", err)
	}
	if p.life, err = dp.CapFor(f.Caps.Life.Epsilon, f.Caps.Life.Delta); err != nil {
		return fmt.Errorf("caps: life: %w", err)
	}
	return nil
}

func (f *file) times(p *Policy) error {
	var err error
	if p.Undeclared, err = span("slots: undeclared", f.Slots.Undeclared, time.Second, time.Hour); err != nil {
		return err
	}
	for i, c := range f.Slots.Classes {
		slot, err := span("slots: classes", c.Slot, time.Second, 24*time.Hour)
		if err != nil {
			return err
		}
		if c.People < 1 || i > 0 && (c.People <= p.Classes[i-1].People || slot < p.Classes[i-1].Slot) {
			return errors.New("slots: classes must rise in people, and not fall in slot")
		}
		p.Classes = append(p.Classes, SlotClass{c.People, slot})
	}
	p.OptOutEpoch, err = span("opt_out_epoch", f.OptOutEpoch, time.Hour, 31*24*time.Hour)
	return err
}

func span(what, text string, low, high time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < low || d > high || d%time.Second != 0 {
		return 0, fmt.Errorf("%s must be a whole number of seconds within %v..%v, like 2s or 24h", what, low, high)
	}
	return d, nil
}

func (f *file) people(p *Policy) error {
	for _, x := range f.Principals {
		switch {
		case !idPattern.MatchString(x.ID) || p.principal(x.ID) != nil:
			return fmt.Errorf("principals: %q is not a plain name, or is there twice", x.ID)
		case !idPattern.MatchString(x.Organisation):
			return fmt.Errorf("principals: %s needs an organisation", x.ID)
		case len(x.Roles) == 0:
			return fmt.Errorf("principals: %s has no role", x.ID)
		}
		for _, r := range x.Roles {
			if !slices.Contains(roles, r) {
				return fmt.Errorf("principals: %s: %q is not a role", x.ID, r)
			}
		}
		p.Principals = append(p.Principals, Principal(x))
	}
	return nil
}

var templatePattern = regexp.MustCompile(`^[a-z][a-z0-9-]*(@\d+\.\d+\.\d+)?$`)

func (f *file) grants(p *Policy) error {
	seen := map[string]bool{}
	for _, g := range f.Grants {
		switch {
		case !idPattern.MatchString(g.ID) || seen[g.ID]:
			return fmt.Errorf("grants: %q is not a plain name, or is there twice", g.ID)
		case p.principal(g.Principal) == nil:
			return fmt.Errorf("grants: %s: %q is no principal", g.ID, g.Principal)
		case len(g.Templates) == 0 || len(g.Purposes) == 0:
			return fmt.Errorf("grants: %s needs templates and purposes", g.ID)
		case !(g.QuotaRho >= 0) || g.QuotaRho > 1000:
			return fmt.Errorf("grants: %s: quota_rho must be within 0..1000", g.ID)
		}
		seen[g.ID] = true
		if _, err := time.Parse(time.DateOnly, g.Until); err != nil {
			return fmt.Errorf("grants: %s: until must be a day like 2027-12-31", g.ID)
		}
		for _, t := range g.Templates {
			if !templatePattern.MatchString(t) {
				return fmt.Errorf("grants: %s: %q is not a template", g.ID, t)
			}
		}
		for _, x := range g.Purposes {
			if !slices.Contains(purposes, x) {
				return fmt.Errorf("grants: %s: %q is not a declared purpose", g.ID, x)
			}
		}
		p.Grants = append(p.Grants, Grant(g))
	}
	return nil
}
