package audit

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// folder is what lies among the released files and no RELEASE has named yet.
type folder map[string]bool

// list reads the folder's names. It is read before the log, so that a file
// written meanwhile is not missed in a log read too early.
func (v *verifier) list() {
	if v.releases == nil {
		return
	}
	entries, err := fs.ReadDir(v.releases, ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.report.find(ReleaseAltered, -1, "the folder of released files cannot be read")
		return
	}
	v.unnamed = folder{}
	for _, e := range entries {
		v.unnamed[e.Name()] = true
	}
}

// orphans reports the files that no RELEASE names. A process that dies between
// the file and the leaf leaves one, whose request was charged and never
// released: that is noted. Any other has no place in this log.
func (v *verifier) orphans() {
	if len(v.unnamed) == 0 {
		return
	}
	unreleased := map[name]bool{}
	for _, c := range v.books.charges {
		if c.state != released {
			unreleased[c.id] = true
		}
	}
	names := make([]string, 0, len(v.unnamed))
	for n := range v.unnamed {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if strings.HasPrefix(n, ".new-") || unreleased[v.books.names.of(v.requestOf(n))] {
			v.report.note(ReleaseOrphan, "%s was never released: a crash between the file and its leaf", n)
			continue
		}
		v.report.find(ReleaseUnlogged, -1, "no leaf of this log knows %s: is the log the one it was released under?", n)
	}
}

// requestOf is the request id inside a released file, nil if there is none.
func (v *verifier) requestOf(name string) []byte {
	text, err := fs.ReadFile(v.releases, name)
	var answer struct {
		ID string `json:"id"`
	}
	if err != nil || json.Unmarshal(text, &answer) != nil {
		return nil
	}
	return []byte(answer.ID)
}
