package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/ledger/ledgertest"
	witnesses "github.com/qunxiang/qunxiang/policy/witness"
)

const releasesDir = "/domain/releases"

// violation is a promise that was broken.
type violation string

// holds runs f and gives the promise that it found broken, nil for none.
func holds(f func()) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case violation:
			err = errors.New(string(v))
		default:
			panic(v)
		}
	}()
	f()
	return nil
}

// ticket is a charge and what became of it, as far as its client knows.
type ticket struct {
	id, digest string // of the answer, once its file was to be written
	charge     int64
	job        bool // an attempt of a training job
	due        time.Time
	release    int64 // the leaf, -1 for none that was acknowledged
	shown      bool
	abandoned  bool // an ABANDON was acknowledged
	deleted    bool // its file was
	process    int  // that charged it
}

// estate is a supervised domain on a disk that fails: its ledger, its released files,
// its witness on another machine, and what its clients were told, which is the model that
// everything is held against.
type estate struct {
	what   string
	disk   *ledgertest.Disk
	clock  *clock
	notary *notary
	random *rand.Rand
	sm2    *witnesses.SM2Signer
	grant  ledger.Grant

	*ledger.Ledger
	fatal   int
	process int // which one this is
	tickets []*ticket
	leaves  map[int64]ledger.Type // acknowledged
	rho     int64                 // acknowledged
	names   int
	agreed  map[string]time.Time // until when the approvals of a subject may hold
}

func newEstate(what string, random *rand.Rand) (*estate, error) {
	sm2, err := witnesses.NewSM2Signer(population, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		return nil, err
	}
	at := newClock()
	n, err := newNotary(at)
	if err != nil {
		return nil, err
	}
	e := &estate{what: what, disk: ledgertest.NewDisk(), clock: at, notary: n, random: random, sm2: sm2,
		leaves: map[int64]ledger.Type{}, agreed: map[string]time.Time{}}
	e.grant = supervised(1000)
	e.grant.Witnesses.Keys = []string{n.VerifierKey()}
	for i := range e.grant.Grants {
		e.grant.Grants[i].Until = "2099-12-31"
	}
	return e, nil
}

func (e *estate) fail(format string, args ...any) {
	panic(violation(e.what + ": " + fmt.Sprintf(format, args...)))
}

// open is a new process.
func (e *estate) open() error {
	o := options(ledgerDir, e.clock)
	e.fatal = 0
	e.process++
	o.FS, o.Witness, o.Fatal = e.disk, e.notary, func(error) { e.fatal++ }
	o.Second = func(head [32]byte) note.Signer { return e.sm2.WithHead(head) }
	l, err := ledger.Open(o)
	if err != nil {
		return err
	}
	e.Ledger = l
	if g, ok := l.InForce(); ok {
		e.grant = g
	}
	return nil
}

// name is one that was never used.
func (e *estate) name(kind string) string {
	e.names++
	return kind + "-" + strconv.Itoa(e.names)
}

// did notes an acknowledged leaf.
func (e *estate) did(index int64, err error, kind ledger.Type) bool {
	if err == nil {
		e.leaves[index] = kind
	}
	return err == nil
}

// ask charges a request, of a job where job is not empty. What the policy refuses for
// sure must be refused.
func (e *estate) ask(rho int64, version int, job string) (*ticket, error) {
	t := &ticket{id: e.name("r"), release: -1, job: job != "", process: e.process, due: e.clock.now().Add(2 * time.Second)}
	c := charge(t.id, rho, e.clock.now())
	c.Template, c.TemplateDigest, c.Idempotency = fmt.Sprintf("claim-severity@1.0.%d", version), laterDigest(version), "once-"+t.id
	if job != "" {
		c = ofJob(job, c)
		c.Template, c.TemplateDigest, t.id = template, templateDigest, c.ID
		c.Idempotency = t.once()
	}
	index, err := e.Charge(ctx, under(e.Ledger, c))
	if !e.did(index, err, ledger.TypeCharge) {
		return nil, err
	}
	rests := []string{ledger.SubjectGrant, ledger.SubjectTemplate, ledger.SubjectSnapshot}
	if job != "" {
		rests = append(rests, ledger.SubjectJob)
	}
	for _, subject := range rests {
		if !e.clock.now().Before(e.agreed[subject]) {
			e.fail("%s was charged while the %s was approved by less than two", t.id, subject)
		}
	}
	if e.notary.told {
		e.fail("%s was charged while the witness was away", t.id)
	}
	t.charge = index
	if e.rho += rho; e.rho > e.grant.Life.Rho || e.Spent(life).Rho > e.grant.Life.Rho {
		e.fail("%s passes the cap: %d acknowledged, %d spent of %d", t.id, e.rho, e.Spent(life).Rho, e.grant.Life.Rho)
	}
	e.tickets = append(e.tickets, t)
	return t, nil
}

// once is the ticket's idempotency digest.
func (t *ticket) once() string {
	if t.job {
		return digest(t.id)
	}
	return "once-" + t.id
}

// finish answers a charge as a runner does: at its slot the file, then the leaf and its
// checkpoint, and only then is it shown.
func (e *estate) finish(t *ticket) {
	if now := e.clock.now(); now.Before(t.due) {
		e.clock.step(t.due.Sub(now))
	}
	body := e.answer(t)
	sum := sha256.Sum256(body)
	t.digest = hex.EncodeToString(sum[:])
	err := e.put(t.digest, body)
	if err == nil {
		t.release, err = e.Release(ctx, ledger.Release{Charge: t.charge, ID: t.id, Digest: t.digest})
	}
	switch {
	case err == nil:
		e.leaves[t.release] = ledger.TypeRelease
		e.show(t)
	case errors.Is(err, ledger.ErrQuorum):
		e.leaves[t.release] = ledger.TypeRelease // it waits, see deliver
	default:
		t.release = -1
		index, err := e.Abandon(ctx, t.charge)
		t.abandoned = e.did(index, err, ledger.TypeAbandon)
	}
}

// answer is the file that a charge is for: a sum of a training job, or what the auditor
// holds an answer to.
func (e *estate) answer(t *ticket) []byte {
	if t.job {
		return binary.LittleEndian.AppendUint64(nil, e.random.Uint64())
	}
	asked, _ := e.Trace(t.id)
	c := asked.Request.Charge
	body, err := json.Marshal(map[string]any{"id": c.ID, "template": c.Template, "catalogue": c.Catalogue, "template_digest": c.TemplateDigest,
		"snapshot": c.Snapshot, "purpose": c.Purpose, "opt_out_epoch": c.Epoch, "released": c.Due, "evaluation": false, "bounding": "by-request",
		"groups": []uint64{e.random.Uint64()}, "privacy": map[string]any{"rho": c.Cost.RhoFloat(), "delta": c.Cost.DeltaFloat(), "k": 20, "scopes": c.Scopes, "charged": true}})
	if err != nil {
		e.fail("%v", err)
	}
	return body
}

func (e *estate) deliver(t *ticket) {
	if err := e.Deliver(ctx, t.release); err == nil {
		e.show(t)
	}
}

// show gives an answer out. It must by then stand, the power failing, under a checkpoint
// that was cosigned.
func (e *estate) show(t *ticket) {
	t.shown = true
	text := e.disk.Durable(ledgerDir)["checkpoint"]
	if text == nil {
		e.fail("%s is shown before a durable checkpoint", t.id)
	}
	c, cosigned, err := e.notary.read(text.Data)
	if err != nil || c.Size <= t.release || !cosigned {
		e.fail("%s is shown, leaf %d, the durable checkpoint has %d leaves, cosigned %v (%v)", t.id, t.release, c.Size, cosigned, err)
	}
	if c.Size > e.notary.size {
		e.fail("%s is shown, and the witness does not know of it", t.id)
	}
	e.stored(t, e.disk.Durable(releasesDir))
	if _, err := e.Proof(t.release); err != nil {
		e.fail("%s is shown and has no proof: %v", t.id, err)
	}
}

// put is the store of released files.
func (e *estate) put(digest string, body []byte) error {
	name := releasesDir + "/" + digest + ".json"
	f, err := e.disk.OpenFile(releasesDir+"/.new-"+digest, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(body, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = e.disk.Rename(releasesDir+"/.new-"+digest, name)
	}
	if err != nil {
		return err
	}
	return e.disk.SyncDir(releasesDir)
}

// stored wants an answer's bytes to lie there as they were shown.
func (e *estate) stored(t *ticket, files fs.FS) {
	b, err := fs.ReadFile(files, t.digest+".json")
	if sum := sha256.Sum256(b); err != nil || hex.EncodeToString(sum[:]) != t.digest {
		e.fail("the file of %s is lost (%v)", t.id, err)
	}
}

// examine is the auditor on the disk as it lies.
func (e *estate) examine(when string, running bool) {
	files := e.disk.Files(ledgerDir)
	if files["checkpoint"] == nil {
		if len(e.leaves) > 0 {
			e.fail("%s: the checkpoint is gone", when)
		}
		return
	}
	r, err := audit.Verify(ctx, audit.Options{Log: files, Key: ledgerKey, SM2: e.sm2.VerifierKey(), Releases: e.disk.Files(releasesDir), Now: e.clock.now})
	if err != nil {
		e.fail("%s: %v", when, err)
	}
	for _, f := range r.Findings {
		if f.Code != audit.TornTail || !running {
			e.fail("%s: %+v", when, f)
		}
	}
	for _, t := range e.tickets {
		if t.shown && t.release >= r.Signed {
			e.fail("%s: %s was shown, leaf %d, the checkpoint covers %d", when, t.id, t.release, r.Signed)
		}
	}
	for index := range e.leaves {
		if index >= r.Leaves {
			e.fail("%s: leaf %d was acknowledged, there are %d", when, index, r.Leaves)
		}
	}
	for _, s := range r.Scopes {
		if strings.HasSuffix(s.Name, "/life") && (s.Spent.Rho < e.rho || s.Spent.Rho > s.Cap.Rho) {
			e.fail("%s: %d spent of %d, %d acknowledged", when, s.Spent.Rho, s.Cap.Rho, e.rho)
		}
	}
}

// ledgerKey checks the checkpoints of tests.
var ledgerKey = ledger.VerifierKey(population, private.Public().(ed25519.PublicKey))
