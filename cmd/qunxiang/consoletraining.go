package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qunxiang/qunxiang/api/console"
	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// How long the coordinator's word holds, how long a page waits for it, and for how long a
// coordinator that did not answer is not asked again.
const (
	statusHolds = 2 * time.Second
	statusWaits = 3 * time.Second
	statusRests = 15 * time.Second
)

// trainings are the jobs of a domain's node, and of the coordinator of the same machine
// where there is one, for the pages. It reads what the node keeps and asks the
// coordinator; it decides and writes nothing.
type trainings struct {
	d           *domain
	coordinator string // its directory, "" for none
	mu          sync.Mutex
	said        []federation.JobStatus     // by the coordinator
	next        time.Time                  // when it is asked again
	cards       map[string]*federated.Card // of jobs that are not approved here
	proofs      map[string]proven
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

func newTrainings(d *domain, coordinator string) *trainings {
	return &trainings{d: d, coordinator: coordinator, cards: map[string]*federated.Card{}, proofs: map[string]proven{}}
}

// Jobs are those that the node's folder has, and those that the coordinator offers.
func (t *trainings) Jobs(ctx context.Context) ([]console.TrainingJob, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dirs, err := nodeFolderOf(t.d.dir).approvedDirs()
	if err != nil {
		return nil, err
	}
	said := t.ask(ctx)
	var out []console.TrainingJob
	for _, dir := range dirs {
		// A folder that is broken hides no other; of its own job the log's record stays.
		if j, err := readNodeJob(dir); err == nil {
			out = append(out, t.job(j.digest.String(), j.card, j))
		}
	}
	for i := range said {
		if at := slices.IndexFunc(out, func(j console.TrainingJob) bool { return j.Digest == said[i].Job }); at >= 0 {
			out[at].State = &said[i]
		} else if card := t.cards[said[i].Job]; card != nil {
			j := t.job(said[i].Job, card, nil)
			j.State = &said[i]
			out = append(out, j)
		}
	}
	return out, nil
}

// Job is one of them, with what its folder proves.
func (t *trainings) Job(ctx context.Context, digest string) (*console.TrainingJob, error) {
	all, err := t.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(j console.TrainingJob) bool { return j.Digest == digest })
	if at < 0 {
		return nil, nil
	}
	j := &all[at]
	if !j.Approved {
		return j, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p, err := t.prove(digest)
	if err != nil {
		return nil, err
	}
	if j.Proof, j.Broken = p.proof, p.broken; j.Proof == nil || !j.Proof.Done {
		return j, nil
	}
	j.Report, err = json.MarshalIndent(modelOf(j.Proof), "", "  ")
	return j, err
}

// job is what the card and the node's folder say; own is nil where it is not approved here.
func (t *trainings) job(digest string, card *federated.Card, own *nodeJob) console.TrainingJob {
	out := console.TrainingJob{Digest: digest, Card: card, Approved: own != nil}
	if s, err := nodeFolderOf(t.d.dir).settings(); err == nil && card.Place(s.Name) >= 0 && card.Nodes[card.Place(s.Name)].Organisation == s.Organisation {
		out.Node = s.Name
	}
	if out.Node == "" {
		return out
	}
	if template, err := t.d.certifiedFeatures(card.Source); err == nil {
		if who, _, err := t.d.mayTrain(template, card.Purpose); err == nil {
			out.Organisation = t.d.policy().Organisation(who)
		}
	}
	if own != nil {
		out.Stopped, _ = own.text(stoppedFile) // a file that cannot be read is for node serve to tell
	}
	return out
}

// ask has the coordinator's word, fresh or from a moment ago; nothing where it does not
// answer. What it says of jobs that are not approved here counts with their cards only.
func (t *trainings) ask(ctx context.Context) []federation.JobStatus {
	if time.Now().Before(t.next) {
		return t.said
	}
	ctx, cancel := context.WithTimeout(ctx, statusWaits)
	defer cancel()
	t.said = nil
	client, err := t.client()
	if err == nil {
		defer client.Close()
		t.said, err = client.Jobs(ctx)
	}
	if err != nil {
		t.next = time.Now().Add(statusRests)
		return nil
	}
	t.fetchCards(ctx, client)
	t.next = time.Now().Add(statusHolds)
	return t.said
}

// client calls the coordinator as its administrator where it is the same authority's, else
// as the node.
func (t *trainings) client() (*federation.Client, error) {
	if t.coordinator != "" {
		return adminClient(t.coordinator)
	}
	return anyClient(t.d.dir)
}

// fetchCards keeps the cards of jobs that are not approved here. Their digest is checked.
func (t *trainings) fetchCards(ctx context.Context, client *federation.Client) {
	for _, s := range t.said {
		if t.cards[s.Job] != nil {
			continue
		}
		if digest, err := s.Digest(); err == nil {
			if card, err := client.Card(ctx, digest); err == nil {
				t.cards[s.Job] = card
			}
		}
	}
}

// prove verifies a job's folder as federated verify does, once for each state of it. While
// a job goes on its files change under the reader: what does not hold then is no finding.
func (t *trainings) prove(job string) (proven, error) {
	dir := nodeFolderOf(t.d.dir).path("jobs", job)
	looks, rounds, over, err := lookAt(dir)
	if err != nil || rounds == 0 {
		return proven{}, err
	}
	begun := time.Now()
	if p, ok := t.proofs[job]; ok && (p.looks == looks || !over && begun.Before(p.next)) {
		return p, nil
	}
	digest, err := jobDigest(job)
	if err != nil {
		return proven{}, err
	}
	p := proven{looks: looks}
	o := federated.VerifyOptions{Job: &digest, LedgerKey: t.d.logKey(), Book: t.booked}
	if o.Earlier, err = keyUses[0].publicKeys(t.d.dir); err != nil {
		return proven{}, err
	}
	var found *federated.VerifyError
	switch p.proof, err = federated.Verify(dir, o); {
	case err == nil || !errors.As(err, &found):
	case over:
		p.broken, err = found.Code, nil
	default:
		return proven{}, nil
	}
	if err == nil {
		p.next = time.Now().Add(proofRests * time.Since(begun))
		t.proofs[job] = p
	}
	return p, err
}

// booked is what the domain's ledger has charged for a job.
func (t *trainings) booked(job secagg.Hash) (map[uint64]string, error) {
	return (&federated.LedgerBooks{Ledger: &ledger.Ledger{State: t.d.state}}).Charged(job), nil
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
