package dataset

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Files of a snapshot.
const (
	dataFile     = "data.duckdb"
	manifestFile = "manifest.json"
	qualityFile  = "quality.json"
)

// Manifest identifies a snapshot. It stays inside the domain; what leaves is
// the snapshot's name, the SHA-256 of the manifest's bytes, which says nothing
// about the data because of the salt.
type Manifest struct {
	ID         string           `json:"-"`          // SHA-256 of the file, in hexadecimal; the name of the directory
	Schema     int              `json:"schema"`     // SchemaVersion
	Binding    string           `json:"binding"`    // name
	BindingSum string           `json:"binding_id"` // SHA-256 of the binding's text
	Currency   string           `json:"currency"`
	Facts      map[string]int64 `json:"facts,omitempty"` // of the binding
	Salt       string           `json:"salt"`            // 32 random bytes, in hexadecimal
	Population string           `json:"population"`      // the people under one domain key
	Created    string           `json:"created"`         // whole day in China Standard Time
	Public     bool             `json:"public"`          // the source is declared public
	MaxRows    int64            `json:"max_rows"`        // most rows one person has in one table and calendar year
	People     int64            `json:"people"`          // dense person numbers are 0..People-1
	Data       string           `json:"data_id"`         // SHA-256 of data.duckdb
	Quality    string           `json:"quality_id"`      // SHA-256 of quality.json
	Sources    []SourceFile     `json:"sources"`
}

// MostRows is the most rows one person can have in one table over all years, for
// the overflow proof: MaxRows for each of at most 300 calendar years, rows over
// several years included (see [importer.capSQL]: a hundredth for each of fewer
// than 9,000 spans, and one at least).
func (m *Manifest) MostRows() int64 { return 300*m.MaxRows + 9000 }

// SourceFile is a file the snapshot was made from.
type SourceFile struct {
	Name  string `json:"name"`
	Sum   string `json:"id"` // SHA-256
	Bytes int64  `json:"bytes"`
}

// DataPath is the path of a snapshot's data file.
func DataPath(domain, id string) string { return filepath.Join(snapshotDir(domain), id, dataFile) }

func snapshotDir(domain string) string { return filepath.Join(domain, "snapshots") }

var snapshotID = regexp.MustCompile(`^[0-9a-f]{64}$`)

// List returns the manifests of a domain's snapshots, oldest first (by day,
// then by the time the directory was made). A domain without snapshots has an
// empty list.
func List(domain string) ([]*Manifest, error) {
	entries, err := os.ReadDir(snapshotDir(domain))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the list cannot be read", ErrSnapshot)
	}
	type dated struct {
		m  *Manifest
		at int64
	}
	var all []dated
	for _, e := range entries {
		if !e.IsDir() || !snapshotID.MatchString(e.Name()) {
			continue
		}
		m, err := Load(domain, e.Name())
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(filepath.Join(snapshotDir(domain), e.Name(), manifestFile))
		if err != nil {
			return nil, fmt.Errorf("%w %s: no manifest", ErrSnapshot, e.Name())
		}
		all = append(all, dated{m, info.ModTime().UnixNano()})
	}
	slices.SortFunc(all, func(a, b dated) int {
		switch {
		case a.m.Created != b.m.Created:
			return strings.Compare(a.m.Created, b.m.Created)
		case a.at != b.at:
			return int(min(1, max(-1, a.at-b.at)))
		}
		return strings.Compare(a.m.ID, b.m.ID)
	})
	out := make([]*Manifest, len(all))
	for i, d := range all {
		out[i] = d.m
	}
	return out, nil
}

// Load returns the manifest of one snapshot and holds its bytes against the
// snapshot's name. Anything missing, damaged or of another schema version is
// ErrSnapshot.
func Load(domain, id string) (*Manifest, error) {
	if !snapshotID.MatchString(id) {
		return nil, fmt.Errorf("%w: a name has 64 hexadecimal digits", ErrSnapshot)
	}
	text, err := os.ReadFile(filepath.Join(snapshotDir(domain), id, manifestFile))
	if err != nil {
		return nil, fmt.Errorf("%w %s: there is none, or its manifest cannot be read", ErrSnapshot, id)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != id {
		return nil, fmt.Errorf("%w %s: the manifest does not bear its name", ErrSnapshot, id)
	}
	var version struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(text, &version); err == nil && version.Schema > SchemaVersion {
		return nil, fmt.Errorf("%w %s: schema version %d, this program knows none after %d: a newer one has made it", ErrSnapshot, id, version.Schema, SchemaVersion)
	}
	m := &Manifest{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("%w %s: the manifest is damaged", ErrSnapshot, id)
	}
	if m.Schema != SchemaVersion {
		return nil, fmt.Errorf("%w %s: schema version %d instead of %d", ErrSnapshot, id, m.Schema, SchemaVersion)
	}
	m.ID = id
	return m, nil
}

// Verify holds data and quality file against the digests of the manifest.
func (m *Manifest) Verify(domain string) error {
	for file, want := range map[string]string{dataFile: m.Data, qualityFile: m.Quality} {
		got, _, err := digestFile(filepath.Join(snapshotDir(domain), m.ID, file))
		if err != nil || got != want {
			return fmt.Errorf("%w %s: %s is missing or damaged", ErrSnapshot, m.ID, file)
		}
	}
	return nil
}

// LoadQuality returns the quality report of a snapshot.
func LoadQuality(domain, id string) (*Quality, error) {
	m, err := Load(domain, id)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(snapshotDir(domain), id, qualityFile))
	if err != nil {
		return nil, fmt.Errorf("%w %s: no quality report", ErrSnapshot, id)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != m.Quality {
		return nil, fmt.Errorf("%w %s: the quality report is damaged", ErrSnapshot, id)
	}
	q := &Quality{}
	if err := json.Unmarshal(text, q); err != nil {
		return nil, fmt.Errorf("%w %s: the quality report is damaged", ErrSnapshot, id)
	}
	return q, nil
}

// seal makes the built directory a snapshot: digests, manifest, fsync of every
// file, and one rename.
func (im *importer) seal(ws *workspace, build string, q *Quality) (*Manifest, error) {
	fail := func(what string) error { return fmt.Errorf("%w: %s", ErrSnapshot, what) }
	text, err := json.MarshalIndent(q, "", "  ")
	if err != nil {
		return nil, fail("the quality report cannot be written")
	}
	if err := writeSynced(filepath.Join(build, qualityFile), append(text, '\n'), 0o600); err != nil {
		return nil, fail("the quality report cannot be written")
	}
	data := filepath.Join(build, dataFile)
	if err := errors.Join(os.Chmod(data, 0o600), syncPath(data)); err != nil {
		return nil, fail("the data cannot be made durable")
	}
	m, err := im.manifest(build)
	if err != nil {
		return nil, err
	}
	if text, err = json.MarshalIndent(m, "", "  "); err != nil {
		return nil, fail("the manifest cannot be written")
	}
	text = append(text, '\n')
	sum := sha256.Sum256(text)
	m.ID = hex.EncodeToString(sum[:])
	if err := writeSynced(filepath.Join(build, manifestFile), text, 0o600); err != nil {
		return nil, fail("the manifest cannot be written")
	}
	if err := syncDir(build); err != nil {
		return nil, fail("the snapshot cannot be made durable")
	}
	if err := os.Rename(build, filepath.Join(ws.dir, m.ID)); err != nil {
		return nil, fail("the snapshot cannot be put in place")
	}
	if err := syncDir(ws.dir); err != nil {
		return nil, fail("the snapshot cannot be made durable")
	}
	return m, nil
}

func (im *importer) manifest(build string) (*Manifest, error) {
	salt := make([]byte, 32)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("%w: no randomness", ErrSnapshot)
	}
	m := &Manifest{
		Schema: SchemaVersion, Binding: im.o.Binding.Name, BindingSum: im.o.Binding.digest, Currency: im.o.Binding.Currency, Facts: im.o.Binding.Facts,
		Salt: hex.EncodeToString(salt), Population: im.o.Key.population(), Created: im.day.Format("2006-01-02"),
		Public: im.o.Public, MaxRows: im.o.MaxRows, People: im.people,
	}
	for _, in := range im.inputs {
		m.Sources = append(m.Sources, in.parts...)
	}
	var err error
	if m.Data, _, err = digestFile(filepath.Join(build, dataFile)); err == nil {
		m.Quality, _, err = digestFile(filepath.Join(build, qualityFile))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the files cannot be read back", ErrSnapshot)
	}
	return m, nil
}

// digestFile is a file's SHA-256, in hexadecimal, and its size in bytes.
func digestFile(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
