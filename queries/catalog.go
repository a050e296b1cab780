package queries

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Catalog holds approved templates and code lists. It is immutable.
type Catalog struct {
	templates []*Template // questions by catalogue id, then version, newest first
	features  []*Template // feature templates, in the same order
	codeLists map[string]*CodeList
	certified map[string]bool // by digest
}

// certifiedFile lists the pairs that passed certification, a line for each: the
// digest, then id@version for the reader.
const certifiedFile = "certified.txt"

// LoadCatalog reads <id>.yaml and <id>.sql pairs from the root of fsys, which of
// them are certified from certified.txt, and code lists from codelists/, strictly: a file that is not understood is an error,
// and so is a list that a template names and that is not there.
func LoadCatalog(fsys fs.FS) (*Catalog, error) { return loadCatalog(fsys, "*.yaml") }

// LoadTemplate is LoadCatalog of one template alone, in all its versions: what it
// takes to follow an order.
func LoadTemplate(fsys fs.FS, ref string) (*Catalog, error) {
	id, _, _ := strings.Cut(ref, "@")
	if !idPattern.MatchString(id) {
		return nil, fmt.Errorf("%w: %q", ErrUnknownTemplate, ref)
	}
	return loadCatalog(fsys, id+".yaml", id+"@*.yaml")
}

func loadCatalog(fsys fs.FS, patterns ...string) (*Catalog, error) {
	c := &Catalog{codeLists: map[string]*CodeList{}, certified: map[string]bool{}}
	if err := c.loadCodeLists(fsys); err != nil {
		return nil, err
	}
	if err := c.loadCertified(fsys); err != nil {
		return nil, err
	}
	var names []string
	for _, pattern := range patterns {
		more, err := fs.Glob(fsys, pattern)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	for _, name := range names {
		t, err := loadPair(fsys, name)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(slices.Concat(c.templates, c.features), func(o *Template) bool { return o.Ref() == t.Ref() }) {
			return nil, fmt.Errorf("%w: %s is there twice", ErrTemplate, t.Ref())
		}
		if err := c.KnowsListsOf(t); err != nil {
			return nil, err
		}
		if t.Features != nil {
			c.features = append(c.features, t)
		} else {
			c.templates = append(c.templates, t)
		}
	}
	slices.SortFunc(c.templates, inCatalogue)
	slices.SortFunc(c.features, inCatalogue)
	return c, nil
}

func inCatalogue(a, b *Template) int {
	if n := catalogueOrder(a.Catalogue, b.Catalogue); n != 0 {
		return n
	}
	return -compareVersions(a.Version, b.Version)
}

func loadPair(fsys fs.FS, name string) (*Template, error) {
	y, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(name, ".yaml")
	sql, err := fs.ReadFile(fsys, base+".sql")
	if err != nil {
		return nil, fmt.Errorf("%w: %s has no %s.sql beside it", ErrTemplate, name, base)
	}
	t, err := ParseTemplate(name, y, sql)
	if err != nil {
		return nil, err
	}
	if id, _, _ := strings.Cut(base, "@"); id != t.ID {
		return nil, fmt.Errorf("%w: %s: id %q is not the file's name", ErrTemplate, name, t.ID)
	}
	return t, nil
}

func (c *Catalog) loadCodeLists(fsys fs.FS) error {
	names, err := fs.Glob(fsys, "codelists/*.yaml")
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		l, err := ParseCodeList(name, b)
		if err != nil {
			return err
		}
		if l.ID+".yaml" != path.Base(name) {
			return fmt.Errorf("%w: %s: id %q is not the file's name", ErrTemplate, name, l.ID)
		}
		c.codeLists[l.ID] = l
	}
	return nil
}

// Templates lists every question, newest version of each first.
func (c *Catalog) Templates() []*Template { return slices.Clone(c.templates) }

// FeatureTemplates lists every feature template, newest version of each first.
func (c *Catalog) FeatureTemplates() []*Template { return slices.Clone(c.features) }

// CodeList finds a list, or nil.
func (c *Catalog) CodeList(id string) *CodeList { return c.codeLists[id] }

// Find resolves an id, an id@version or a catalogue id such as I3; without a
// version it is the newest. A feature template is none that can be asked: the
// error is then [ErrFeatures] besides [ErrUnknownTemplate].
func (c *Catalog) Find(ref string) (*Template, error) {
	if t := findIn(c.templates, ref); t != nil {
		return t, nil
	}
	if findIn(c.features, ref) != nil {
		return nil, fmt.Errorf("%w: %q %w", ErrUnknownTemplate, ref, ErrFeatures)
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownTemplate, ref)
}

// FindFeatures is [Catalog.Find] among the feature templates.
func (c *Catalog) FindFeatures(ref string) (*Template, error) {
	if t := findIn(c.features, ref); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%w: %q is no feature template", ErrUnknownTemplate, ref)
}

func findIn(list []*Template, ref string) *Template {
	for _, t := range list {
		if ref == t.Ref() || ref == t.ID || strings.EqualFold(ref, t.Catalogue) {
			return t
		}
	}
	return nil
}

func (c *Catalog) lists(ids []string, kind string) ([]*CodeList, error) {
	var out []*CodeList
	for _, id := range ids {
		l := c.codeLists[id]
		if l == nil || l.Kind != kind {
			return nil, fmt.Errorf("%w: %q is not an approved %s list", ErrParameter, id, kind)
		}
		out = append(out, l)
	}
	return out, nil
}

// catalogueOrder puts I1 before I2 before I10, and insurers' before pharma's
// before the fund's questions.
func catalogueOrder(a, b string) int {
	const order = "IPREHDAF"
	if n := strings.IndexByte(order, a[0]) - strings.IndexByte(order, b[0]); n != 0 {
		return n
	}
	x, _ := strconv.Atoi(a[1:])
	y, _ := strconv.Atoi(b[1:])
	return x - y
}

func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range x {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m - n
		}
	}
	return 0
}

// KnowsListsOf says whether every code list that a template names is there.
func (c *Catalog) KnowsListsOf(t *Template) error {
	for _, p := range t.Parameters {
		for _, id := range p.Lists {
			if id != anyCode && c.codeLists[id] == nil {
				return fmt.Errorf("%w: %s: parameter %s names code list %q, which is not there", ErrTemplate, t.ID, p.Name, id)
			}
		}
	}
	return c.knowsLevels(t)
}

func (c *Catalog) loadCertified(fsys fs.FS) error {
	b, err := fs.ReadFile(fsys, certifiedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		digest, _, ok := strings.Cut(strings.TrimSpace(line), " ")
		if raw, err := hex.DecodeString(digest); !ok || err != nil || len(raw) != sha256.Size {
			return fmt.Errorf("%w: %s: %q is not a digest and a template", ErrTemplate, certifiedFile, strings.TrimSpace(line))
		}
		c.certified[digest] = true
	}
	return nil
}

// Certified says whether exactly this pair of files passed certification.
func (c *Catalog) Certified(t *Template) bool { return c.certified[t.Digest()] }
