package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"

	"github.com/qunxiang/qunxiang/api/console"
	"github.com/qunxiang/qunxiang/federated"
)

// trainings are the jobs of a domain's node, and of the coordinator of the same machine
// where there is one, for the pages. It reads what the node keeps and asks the
// coordinator; it decides and writes nothing.
type trainings struct {
	d           *domain
	coordinator string // its directory, "" for none
	word        *word
	proofs      *proofs
}

func newTrainings(d *domain, coordinator string) *trainings {
	t := &trainings{d: d, coordinator: coordinator, proofs: newProofs(d)}
	t.word = newWord(t.client)
	return t
}

// Jobs are those that the node's folder has, and those that the coordinator offers. What it
// says of jobs that are not approved here counts with their cards only.
func (t *trainings) Jobs(ctx context.Context) ([]console.TrainingJob, error) {
	dirs, err := nodeFolderOf(t.d.dir).approvedDirs()
	if err != nil {
		return nil, err
	}
	said, cards := t.word.ask(ctx)
	var out []console.TrainingJob
	var here []string
	for _, dir := range dirs {
		here = append(here, filepath.Base(dir))
		// A folder that is broken hides no other; of its own job the log's record stays.
		if j, err := readNodeJob(dir); err == nil {
			out = append(out, t.job(j.digest.String(), j.card, j))
		}
	}
	t.proofs.only(here)
	for i := range said {
		if at := slices.IndexFunc(out, func(j console.TrainingJob) bool { return j.Digest == said[i].Job }); at >= 0 {
			out[at].State = &said[i]
		} else if card := cards[said[i].Job]; card != nil {
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
	p, err := t.proofs.of(ctx, digest)
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

// client calls the coordinator as its administrator where it is the same authority's, else
// as the node.
func (t *trainings) client() (jobTeller, error) {
	if t.coordinator != "" {
		return adminClient(t.coordinator)
	}
	return anyClient(t.d.dir)
}
