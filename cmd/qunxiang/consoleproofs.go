package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// proofs are what the folders of a domain's jobs prove. Each job is verified by one visitor
// for all who look at it, and no job waits for another's.
type proofs struct {
	d      *domain
	verify func(dir string, o federated.VerifyOptions) (*federated.Verified, error)
	flight singleflight.Group // by job

	mu   sync.Mutex
	kept map[string]proven // by job
}

// proven is what a job's folder proved when it looked so.
type proven struct {
	looks  string
	proof  *federated.Verified
	broken string
	next   time.Time // before it a job that goes on is not verified again
}

// proofRests is how many times as long as a verification took there is none of the same
// job while it goes on: a long job is verified whole each time.
const proofRests = 10

func newProofs(d *domain) *proofs {
	return &proofs{d: d, verify: federated.Verify, kept: map[string]proven{}}
}

// of verifies a job's folder as federated verify does, once for each state of it. While
// a job goes on its files change under the reader: what does not hold then is no finding.
func (k *proofs) of(ctx context.Context, job string) (proven, error) {
	dir := nodeFolderOf(k.d.dir).path("jobs", job)
	looks, rounds, over, err := lookAt(dir)
	if err != nil || rounds == 0 {
		return proven{}, err
	}
	k.mu.Lock()
	p, ok := k.kept[job]
	k.mu.Unlock()
	if ok && (p.looks == looks || !over && time.Now().Before(p.next)) {
		return p, nil
	}
	done := k.flight.DoChan(job, func() (any, error) { // it goes on for others where a visitor has gone
		p, err := k.prove(dir, job, over)
		if err == nil && p.looks != "" {
			p.looks = looks
			k.mu.Lock()
			k.kept[job] = p
			k.mu.Unlock()
		}
		return p, err
	})
	select {
	case r := <-done:
		p, _ := r.Val.(proven)
		return p, r.Err
	case <-ctx.Done():
		return proven{}, ctx.Err()
	}
}

// errProof is a verification that came to no end, which says nothing of the job.
var errProof = errors.New("the job's folder cannot be verified")

// prove verifies a folder; what it gives has looks where it is to be kept.
func (k *proofs) prove(dir, job string, over bool) (p proven, err error) {
	defer func() {
		if recover() != nil { // of bytes of other parties, in no visitor's goroutine
			p, err = proven{}, errProof
		}
	}()
	digest, err := jobDigest(job)
	if err != nil {
		return proven{}, err
	}
	o := federated.VerifyOptions{Job: &digest, LedgerKey: k.d.logKey(), Book: k.booked}
	if o.Earlier, err = keyUses[0].publicKeys(k.d.dir); err != nil {
		return proven{}, err
	}
	begun := time.Now()
	p.looks = dir
	var found *federated.VerifyError
	switch p.proof, err = k.verify(dir, o); {
	case err == nil || !errors.As(err, &found):
	case over:
		p.broken, err = found.Code, nil
	default:
		return proven{}, nil
	}
	p.next = time.Now().Add(proofRests * time.Since(begun))
	return p, err
}

// only forgets all but these jobs.
func (k *proofs) only(jobs []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for job := range k.kept {
		if !slices.Contains(jobs, job) {
			delete(k.kept, job)
		}
	}
}

// booked is what the domain's ledger has charged for a job.
func (k *proofs) booked(job secagg.Hash) (map[uint64]string, error) {
	return (&federated.LedgerBooks{Ledger: &ledger.Ledger{State: k.d.state}}).Charged(job), nil
}

// lookAt tells one state of a job's folder from another: its closed rounds and its end.
func lookAt(dir string) (looks string, rounds int, over bool, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", 0, false, nil
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "round-") && filepath.Ext(name) == "":
			rounds++
		case name == settledFile || name == stoppedFile:
			over = true
		case name != modelFile:
			continue
		}
		looks += e.Name() + "/"
	}
	return looks, rounds, over, err
}
