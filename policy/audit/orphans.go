package audit

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
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

// unreleased are the charges that a file without a RELEASE may be for: a process that dies
// between the file and the leaf leaves one, and the charge is never drawn for again.
type unreleased struct {
	answers map[name]bool // by request id; false once a file was taken for its
	sums    int           // charges of training, whose files bear no id
}

func (b *books) unreleased() unreleased {
	u := unreleased{answers: map[name]bool{}}
	for _, c := range b.charges {
		switch {
		case c.state == released:
		case c.training:
			u.sums++
		default:
			u.answers[c.id] = true
		}
	}
	return u
}

// orphans reports the files that no RELEASE names. One for each charge that was never
// released is noted, as a crash leaves it. A second is another draw; any other has no
// place in this log.
func (v *verifier) orphans() {
	if len(v.unnamed) == 0 {
		return
	}
	left := v.books.unreleased()
	var torn []string
	for _, n := range slices.Sorted(maps.Keys(v.unnamed)) {
		id, kind := v.requestOf(n)
		whose := v.books.names.of(id)
		free, known := left.answers[whose]
		switch {
		case kind == isAnswer && free:
			left.answers[whose] = false
		case kind == isAnswer && known:
			v.report.find(SecondDraw, -1, "%s is a second answer to a charge that was never released", n)
			continue
		case kind == isSum && left.sums > 0:
			left.sums--
		case kind != isAnswer && strings.HasPrefix(n, ".new-"):
			torn = append(torn, n)
			continue
		default:
			v.report.find(ReleaseUnlogged, -1, "no leaf of this log knows %s: is the log the one it was released under?", n)
			continue
		}
		v.report.note(ReleaseOrphan, "%s was never released: a crash between the file and its leaf", n)
	}
	spare := left.sums
	for _, free := range left.answers {
		if free {
			spare++
		}
	}
	for i, n := range torn {
		if i < spare {
			v.report.note(ReleaseOrphan, "%s was never finished: a crash while it was written", n)
		} else {
			v.report.find(SecondDraw, -1, "%s was never finished, and there is no charge that it can be for", n)
		}
	}
}

// What a file without a RELEASE may be.
const (
	isNothing = iota
	isAnswer  // with a request id
	isSum     // of a training
)

// requestOf says what a file is, and the request id inside an answer.
func (v *verifier) requestOf(name string) (id []byte, kind int) {
	text, err := fs.ReadFile(v.releases, name)
	var answer struct {
		ID string `json:"id"`
	}
	switch {
	case err != nil:
	case json.Unmarshal(text, &answer) == nil:
		return []byte(answer.ID), isAnswer
	case aSum(text) && releasedName.MatchString(name):
		return nil, isSum
	}
	return nil, isNothing
}
