package queries

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

var (
	idPattern      = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	namePattern    = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	versionPattern = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$`)
	codePattern    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9./-]*\*?$`)
	catalogPattern = regexp.MustCompile(`^[IPREHDAF]\d{1,2}$`)
)

// decodeStrict reads exactly one YAML document; unknown and repeated keys fail
// with the line and column.
func decodeStrict(name string, b []byte, into any) (err error) {
	defer func() {
		if recover() != nil { // the parser is not ours
			err = fmt.Errorf("%w: %s: this is not YAML", ErrTemplate, name)
		}
	}()
	d := yaml.NewDecoder(strings.NewReader(string(b)), yaml.Strict())
	if err := d.Decode(into); err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			p := ye.GetToken().Position
			return fmt.Errorf("%w: %s:%d:%d: %s", ErrTemplate, name, p.Line, p.Column, ye.GetMessage())
		}
		return fmt.Errorf("%w: %s: %v", ErrTemplate, name, err)
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %s: more than one document", ErrTemplate, name)
	}
	return nil
}

// ParseTemplate reads a pair of files strictly and proves that the question is
// complete: every bound is there, every column exists, every parameter has a
// type and limits. name is the YAML file's, for messages.
func ParseTemplate(name string, yamlText, sql []byte) (*Template, error) {
	t := &Template{SQL: string(sql), YAML: string(yamlText), digest: pairDigest(yamlText, sql)}
	if err := decodeStrict(name, yamlText, t); err != nil {
		return nil, err
	}
	checks := []func() error{t.checkHead, t.checkParameters, t.checkApartFrom, t.checkReads, t.checkKeys, t.checkMeasures, t.checkDerived, t.checkCoarse}
	if t.Features != nil {
		checks = []func() error{t.checkHead, t.checkParameters, t.checkApartFrom, t.checkReads, t.checkFeatures}
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return t, nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrTemplate, fmt.Sprintf(format, args...))
}

func (t *Template) checkHead() error {
	switch {
	case !idPattern.MatchString(t.ID):
		return invalid("id %q is not lower-case words with hyphens", t.ID)
	case !versionPattern.MatchString(t.Version):
		return invalid("version %q is not like 1.0.0", t.Version)
	case !catalogPattern.MatchString(t.Catalogue):
		return invalid("catalogue %q is not like I3", t.Catalogue)
	case t.Title.EN == "" || t.Title.ZH == "" || t.Description.EN == "" || t.Description.ZH == "":
		return invalid("title and description are needed in en and zh")
	case len(t.Audiences) == 0 || len(t.Purposes) == 0:
		return invalid("audiences and purposes are needed")
	case strings.TrimSpace(t.SQL) == "":
		return invalid("the SQL is empty")
	case t.Features != nil:
		return t.checkNoQuestion()
	case t.Catalogue[0] == featureCatalogue:
		return invalid("catalogue %s is for feature templates", t.Catalogue)
	case t.L0 < 1:
		return invalid("l0 must be at least 1")
	case t.Reach < 1 || t.Reach > 10000:
		return invalid("reach is a share in ten-thousandths, 1..10000")
	case t.Coarse == nil:
		return invalid("a coarse variant is needed")
	}
	return nil
}

func (t *Template) checkParameters() error {
	seen := map[string]bool{}
	for i := range t.Parameters {
		p := &t.Parameters[i]
		if !namePattern.MatchString(p.Name) || seen[p.Name] {
			return invalid("parameter %q: bad or repeated name", p.Name)
		}
		seen[p.Name] = true
		if p.Description.EN == "" || p.Description.ZH == "" {
			return invalid("parameter %s: description is needed in en and zh", p.Name)
		}
		if err := p.check(); err != nil {
			return err
		}
		if p.Default != "" {
			if _, err := p.read(p.Default); err != nil {
				return invalid("parameter %s: default: %v", p.Name, err)
			}
		}
	}
	if _, err := t.values(t.Example); err != nil {
		return invalid("example: %v", err)
	}
	return nil
}
