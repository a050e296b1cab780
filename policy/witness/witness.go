package witness

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Options say what a witness is.
type Options struct {
	Dir      string    // its folder. Required
	Cosigner *Cosigner // Required.
	// Logs are the logs it cosigns. Each must have been begun: see Begin.
	Logs []Log
	// Log is told of what the operator must know; default nothing is said.
	Log *slog.Logger

	disk disk // of tests
}

// Log is a log that a witness knows: by its origin, and by its keys in the text form of
// signed notes, any one of which must have signed a checkpoint. A log that changes its
// key has two for a while.
type Log struct {
	Origin string
	Keys   []string
}

// Witness cosigns checkpoints. It is safe for concurrent use.
type Witness struct {
	own    *Cosigner
	log    *slog.Logger
	disk   disk
	unlock io.Closer
	logs   map[string]*watched // by origin
}

// watched is a log under the witness's eye. Its lock covers the check of a checkpoint,
// its keeping and its cosigning.
type watched struct {
	folder string
	keys   note.Verifiers

	mu     sync.Mutex
	state  state
	warned tlog.Hash
	failed error // a write failed: nothing is known for sure any more
}

// Open reads the state of every log and makes it durable again, for it was perhaps
// read from what a crash left in memory. It fails with ErrState where one is lost or
// damaged, with ErrInUse while another process has the folder, with ErrKey.
func Open(o Options) (w *Witness, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.disk == nil {
		o.disk = osDisk{}
	}
	if o.Cosigner == nil {
		return nil, fmt.Errorf("%w: a witness needs a key", ErrKey)
	}
	w = &Witness{own: o.Cosigner, log: o.Log, disk: o.disk, logs: map[string]*watched{}}
	if w.unlock, err = lock(o.Dir); err != nil {
		return nil, err
	}
	for _, l := range o.Logs {
		if err := w.watch(o.Dir, l); err != nil {
			return nil, errors.Join(fmt.Errorf("log %s: %w", l.Origin, err), w.Close())
		}
	}
	return w, nil
}

// watch reads a log's keys and state.
func (w *Witness) watch(dir string, l Log) error {
	if _, twice := w.logs[l.Origin]; twice || len(l.Keys) == 0 {
		return fmt.Errorf("%w: every log stands once, with its keys", ErrKey)
	}
	var keys []note.Verifier
	for _, text := range l.Keys {
		v, err := NewVerifier(text)
		if err != nil {
			return err
		}
		if _, cosigns := v.(*CosignatureVerifier); cosigns {
			return fmt.Errorf("%w: %s is a witness's key, not a log's", ErrKey, v.Name())
		}
		keys = append(keys, v)
	}
	s := &watched{folder: logFolder(dir, l.Origin), keys: note.VerifierList(keys...)}
	var err error
	if s.state, err = readState(w.disk, s.folder, w.own.Verifier()); err != nil {
		return err
	}
	if _, err := openNote(s.state.note, s.keys); err != nil && !errors.Is(err, errNoSignature) {
		return fmt.Errorf("%w: it is damaged: a signature of the log in %s is wrong", ErrState, s.folder)
	}
	for _, name := range []string{filepath.Join(s.folder, checkpointFile), s.folder} {
		if err := w.disk.sync(name); err != nil {
			return fmt.Errorf("%w: %w", ErrState, err)
		}
	}
	w.logs[l.Origin] = s
	return nil
}

// Close gives the folder up.
func (w *Witness) Close() error { return w.unlock.Close() }

// Add checks a request and gives the cosignature, one signature line. The checks come in
// the order of C2SP tlog-witness, and so do its errors: ErrMalformed, ErrUnknownLog,
// ErrSignature, ErrMalformed for an old size above the checkpoint's, ErrConflict (a
// *ConflictError), ErrFork, ErrProof; and ErrState where the state could not be kept.
func (w *Witness) Add(r Request) ([]byte, error) {
	text, _, err := splitNote(r.Checkpoint)
	if err != nil {
		return nil, err
	}
	c, err := ParseCheckpoint(text)
	if err != nil {
		return nil, err
	}
	l := w.logs[c.Origin]
	if l == nil {
		return nil, ErrUnknownLog
	}
	n, err := openNote(r.Checkpoint, l.keys)
	if err != nil {
		return nil, err
	}
	if r.Old > c.Size {
		return nil, fmt.Errorf("%w: the old size is larger than the checkpoint", ErrMalformed)
	}
	return w.add(l, r, c, n)
}

// errNoSignature is that no listed key has signed.
var errNoSignature = fmt.Errorf("%w: no signature of one", ErrSignature)

// openNote keeps the signatures of a log's keys, and of nobody else.
func openNote(b []byte, keys note.Verifiers) (*note.Note, error) {
	n, err := note.Open(b, keys)
	var none *note.UnverifiedNoteError
	var wrong *note.InvalidSignatureError
	switch {
	case errors.As(err, &none):
		return nil, errNoSignature
	case errors.As(err, &wrong):
		return nil, fmt.Errorf("%w: that of %s is wrong", ErrSignature, wrong.Name)
	case err != nil:
		return nil, fmt.Errorf("%w: no signed note", ErrMalformed)
	}
	for i, s := range n.Sigs { // note takes a signature's last bits as they come
		b, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil {
			return nil, fmt.Errorf("%w: no signed note", ErrMalformed)
		}
		n.Sigs[i].Base64 = base64.StdEncoding.EncodeToString(b)
	}
	return &note.Note{Text: n.Text, Sigs: n.Sigs}, nil
}

// add is the part of Add that one request of a log does at a time.
func (w *Witness) add(l *watched, r Request, c Checkpoint, n *note.Note) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.state.Checkpoint
	switch {
	case l.failed != nil:
		return nil, l.failed
	case c.Size == known.Size && c.Root != known.Root:
		w.contradiction(l, c, n)
		if r.Old == c.Size {
			return nil, ErrFork
		}
	}
	if r.Old != known.Size {
		return nil, &ConflictError{Size: known.Size}
	}
	if err := checkGrowth(r, known, c); err != nil {
		if l.warned != c.Root { // anybody can send what the log signed with a wrong proof
			l.warned = c.Root
			w.log.Warn("a checkpoint that its log signed has not been shown to continue the log", "origin", c.Origin, "cosigned", known.Size, "offered", c.Size, "root", c.Root)
		}
		return nil, err
	}
	sig, err := w.own.Sign([]byte(n.Text))
	if err != nil {
		return nil, err
	}
	line := []byte(signatureLine(w.own.Name(), w.own.KeyHash(), sig))
	if err := w.keep(l, c, n, line); err != nil {
		return nil, err
	}
	return line, nil
}

// checkGrowth checks that a log has grown from one checkpoint to the other.
func checkGrowth(r Request, known, c Checkpoint) error {
	switch {
	case known.Size == 0 || known.Size == c.Size:
		if len(r.Proof) != 0 {
			return fmt.Errorf("%w: none is needed", ErrProof)
		}
	case tlog.CheckTree(r.Proof, c.Size, c.Root, known.Size, known.Root) != nil:
		return ErrProof
	}
	return nil
}

// fresh is how old the kept cosignature of an unchanged checkpoint may be.
const fresh = time.Minute

// keep makes a checkpoint with its cosignature the log's durable state. One that is
// kept already is written again only now and then, for its time.
func (w *Witness) keep(l *watched, c Checkpoint, n *note.Note, line []byte) error {
	at := w.own.now().UTC().Truncate(time.Second)
	if c.Size == l.state.Size && at.Sub(l.state.at).Abs() < fresh {
		return nil
	}
	b, err := note.Sign(n)
	if err != nil {
		return err
	}
	b = append(b, line...)
	if err := replace(w.disk, filepath.Join(l.folder, checkpointFile), b); err != nil {
		l.failed = fmt.Errorf("%w: it could not be kept: %w", ErrState, err)
		w.log.Error("the state could not be kept; nothing of this log is cosigned before a restart", "origin", c.Origin, "error", err)
		return l.failed
	}
	l.state = state{Checkpoint: c, note: b, at: at}
	return nil
}

// Newest gives the newest checkpoint of a log that was cosigned, with the log's
// signatures and a cosignature as of now; nil where nothing was cosigned yet. The log is
// named by OriginHash. It is ErrUnknownLog for a log that the witness does not know.
func (w *Witness) Newest(originHash string) ([]byte, error) {
	for origin, l := range w.logs {
		if OriginHash(origin) != originHash {
			continue
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.failed != nil {
			return nil, l.failed
		}
		if l.state.Size == 0 {
			return nil, nil
		}
		return l.again(w.own)
	}
	return nil, ErrUnknownLog
}

// again cosigns the state's checkpoint as of now, in place of the last time.
func (l *watched) again(own *Cosigner) ([]byte, error) {
	n, err := note.Open(l.state.note, note.VerifierList(own.Verifier()))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	return note.Sign(n, own)
}
