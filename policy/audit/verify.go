package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// ErrUnusable says that there was nothing to examine: no checkpoint, no bundle, tiles that
// are missing, or a key that is none. Its code is LogUnusable.
var ErrUnusable = errors.New("audit: cannot be examined")

// Options say what to verify.
type Options struct {
	// Log is the ledger's directory: wal, checkpoint and tile/. Required.
	Log fs.FS
	// Trust is the auditor's policy of pinned keys, in place of Key, SM2, Witnesses and
	// Quorum. It or Key is required.
	Trust *witness.Trust
	// Key checks the checkpoint, in the form of golang.org/x/mod/sumdb/note;
	// its name is the population.
	Key string
	// SM2 checks the checkpoint's second signature, which covers the head of the SM3
	// chain: a verifier key of package witness. Default it is not looked at.
	SM2 string
	// Witnesses and Quorum are the auditor's own: whose cosignatures the checkpoint must
	// bear, whatever the log's policy says. Default what that says.
	Witnesses []string
	Quorum    int
	// Since is an older checkpoint that the auditor kept; the log must still
	// begin with what it covers. Default none.
	Since []byte
	// MaxAge is how long ago the checkpoint may have been cosigned; default any time. What
	// nobody has cosigned has no age.
	MaxAge time.Duration
	// Now is the auditor's clock; default the system's.
	Now func() time.Time
	// Releases holds <digest>.json for every release and nothing else. Without them a log
	// with releases is not clean, unless the auditor asks for no more.
	Releases fs.FS
	// WithoutReleases says that released files are not asked for. It is a note then that
	// nobody looked at them.
	WithoutReleases bool
	// History is a scope whose charges the report lists one by one, in full or without
	// its population; default none.
	History string
	// Entries reads the leaves from tile/entries, as a public mirror has them,
	// and not from the wal.
	Entries bool
}

// Verify examines a log. What is wrong with it is in the report; an error,
// which wraps ErrUnusable or is the context's, means there is no report.
func Verify(ctx context.Context, o Options) (*Report, error) {
	trust, err := o.trust()
	if err != nil {
		return nil, fmt.Errorf("%w: pinned keys: %w", ErrUnusable, err)
	}
	if o.Log == nil || len(trust.Logs()) == 0 {
		return nil, fmt.Errorf("%w: a log and its pinned keys are needed", ErrUnusable)
	}
	text, err := readSmall(o.Log, checkpointName, maxCheckpoint)
	if err != nil {
		return nil, fmt.Errorf("%w: checkpoint: %w", ErrUnusable, err)
	}
	population := trust.Logs()[0]
	v := &verifier{report: &Report{}, releases: o.Releases, without: o.WithoutReleases, claims: map[int64]*claim{}, text: text, now: time.Now(), older: o.Since}
	if o.Now != nil {
		v.now = o.Now()
	}
	trust, v.handed = follow(trust, o.Log, v.now)
	v.signed = v.open(trust, text)
	if v.signed != nil {
		population = v.signed.seen.Origin
	}
	v.report.Population, v.books = population, newBooks(population)
	v.books.scope, v.books.pinned = v.report.full(o.History), trust
	if o.Since != nil {
		seen, err := trust.Open(o.Since, v.now)
		if seen == nil || seen.Origin != population {
			v.report.find(SinceInvalid, -1, "the older checkpoint: %v", err)
		} else {
			v.since = &checkpoint{seen.Size, seen.Root, seen}
			v.sinceSeen.add(seen.Witnesses)
		}
	}
	v.list()
	src, err := v.source(o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	defer src.Close()
	if err := v.run(ctx, src); err != nil {
		if v.refused == "" || !errors.Is(err, ErrUnusable) {
			return nil, err
		}
		v.report.find(LogUnusable, -1, "not all that the checkpoint speaks of is there, and no pinned key signed it: %v", err)
	}
	v.unpinned(trust)
	v.finish()
	v.ages(o.MaxAge)
	return v.report, nil
}

type verifier struct {
	report  *Report
	books   *books
	tree    frontier
	hashes  []hash      // of leaves
	text    []byte      // of the checkpoint
	signed  *checkpoint // nil if it is not valid
	at      covered     // what the checkpoint was signed over
	since   *checkpoint
	older   []byte // since, as it was given
	handed  []handed
	refused Code   // why the checkpoint is not believed, "" where it is
	why     string // in words

	now             time.Time
	seen, sinceSeen seenAt // of the checkpoint and of since
	latest          latest
	dated           bool // a leaf was found to be backdated
	beyond          beyond

	releases fs.FS
	without  bool // they were not asked for
	unnamed  folder
	claims   map[int64]*claim // of the open charges, by leaf
	opened   nameSet          // digests of released files
	damaged  bool             // a record under the checkpoint cannot be read
	absent   []absent         // released files that are not there
	used     chan *batch      // folded, to be filled again
	read     uint64           // ahead of need; its value says nothing
}

// expect makes room for about so many leaves, as far as it is believed.
func (v *verifier) expect(leaves int64) {
	n := int(min(max(leaves, 0), 1<<22))
	v.hashes = make([]hash, 0, n)
	v.books.expect(n)
}

// absent is the file of a RELEASE that is not there.
type absent struct {
	leaf   int64
	digest string
}

// covered says that the place of a leaf is under the checkpoint.
func (v *verifier) under(index int64) bool { return v.signed != nil && index < v.signed.size }

// milestones compares the tree with the checkpoints at their sizes.
func (v *verifier) milestones() {
	if c := v.signed; c != nil && c.size == v.report.Leaves {
		v.at = covered{true, v.books.head, v.books.terms}
		root := v.tree.root()
		v.report.Root = base64.StdEncoding.EncodeToString(root[:])
		if root != c.root {
			v.report.find(RootMismatch, -1, "the first %d leaves are not those the checkpoint was signed over", c.size)
		}
	}
	if c := v.since; c != nil && c.size == v.report.Leaves {
		signed, _ := v.books.terms.cosigners(v.older, v.now)
		v.sinceSeen.add(signed)
	}
	for _, h := range v.handed {
		if h.size == v.report.Leaves && v.tree.root() != h.root {
			v.report.find(RootMismatch, -1, "the first %d leaves are not those under which a key handed over (%s%d)", h.size, handoverName, h.n)
		}
		if s := h.seen; h.size == v.report.Leaves && len(s.SM2) > 0 && s.Head != v.books.head {
			v.report.find(SM2Invalid, -1, "the SM2 signature of %s%d is over another SM3 chain than this log's", handoverName, h.n)
		}
	}
	if c := v.since; c != nil && c.size == v.report.Leaves && v.tree.root() != c.root {
		v.report.find(SinceMismatch, -1, "the first %d leaves are not those of the older checkpoint", c.size)
	}
}

func (v *verifier) finish() {
	r := v.report
	if v.signed != nil {
		r.Signed = v.signed.size
		if r.Leaves < v.signed.size && !v.damaged { // behind a damaged record nobody knows how many there are
			r.find(LogShort, -1, "%d leaves, the checkpoint was signed over %d", r.Leaves, v.signed.size)
		}
		if v.since != nil && v.since.size > v.signed.size {
			r.find(SinceMismatch, -1, "the older checkpoint covers %d leaves, the newer %d", v.since.size, v.signed.size)
		}
	}
	if v.since != nil && r.Leaves < v.since.size {
		r.find(SinceMismatch, -1, "%d leaves, the older checkpoint was signed over %d", r.Leaves, v.since.size)
	}
	for _, a := range v.absent {
		switch at, deleted := v.books.deleted[a.leaf]; {
		case !deleted:
			r.find(ReleaseMissing, a.leaf, "%s.json is not there", a.digest)
		case !v.under(at):
			r.find(ReleaseMissing, a.leaf, "%s.json is not there, and no checkpoint covers leaf %d, which says that it was deleted", a.digest, at)
		}
	}
	v.uncovered()
	v.cosigned()
	turns := v.books.turns()
	for _, h := range v.handed {
		if r.Leaves < h.size && !v.damaged {
			r.find(LogShort, -1, "%d leaves, a key handed over when there were %d", r.Leaves, h.size)
		}
		v.rotated(turns, "checkpoint of the handover", h.checkpoint)
	}
	v.rotated(turns, "checkpoint", v.signed)
	v.rotated(turns, "older checkpoint", v.since)
	switch {
	case v.releases != nil || r.Releases == 0:
	case v.without:
		r.note(ReleasesAbsent, "the released files were not looked at")
	default:
		r.find(ReleasesAbsent, -1, "%d releases, and none of their files: were they left out, or taken out?", r.Releases)
	}
	v.orphans()
	looked(r, v.books.roots, v.hashes)
	v.books.close(r)
}
