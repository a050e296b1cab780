package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// proposalFolder holds, in a supervised domain, the leaves that wait for approvals: files
// named by the digest that an approval binds. policy.yaml waits where it is.
const proposalFolder = "proposals"

// keptProposal is a waiting leaf as its file has it: one of them.
type keptProposal struct {
	Snapshot *ledger.Snapshot `json:"snapshot,omitempty"`
	Resume   *ledger.Resume   `json:"resume,omitempty"`
	Delete   *ledger.Delete   `json:"delete,omitempty"`
	Key      *ledger.Key      `json:"key,omitempty"`
	// Audit is a look at noise, which says in the end what it saw: what is approved is the
	// root of the leaves that it looks at, and the command that looks is run again.
	Audit *ledger.Audit `json:"audit,omitempty"`
}

func (k keptProposal) body() (subject string, b ledger.Body) {
	switch {
	case k.Snapshot != nil:
		return ledger.SubjectSnapshot, k.Snapshot
	case k.Resume != nil:
		return ledger.SubjectResume, k.Resume
	case k.Delete != nil:
		return ledger.SubjectDelete, k.Delete
	case k.Key != nil:
		return ledger.SubjectKey, k.Key
	case k.Audit != nil:
		return ledger.SubjectAudit, k.Audit
	}
	return "", nil
}

// commit puts the leaf into the log; ErrApproval while it waits.
func (k keptProposal) commit(ctx context.Context, d *domain) (err error) {
	l := d.ledger
	switch {
	case k.Snapshot != nil:
		err = d.putInUse(ctx, *k.Snapshot)
	case k.Resume != nil:
		_, err = l.Resume(ctx, k.Resume.Template, k.Resume.By...)
	case k.Delete != nil:
		_, err = l.Delete(ctx, *k.Delete)
		if err == nil {
			err = d.sweep()
		}
	case k.Key != nil:
		err = d.rekey(ctx, *k.Key)
	case k.Audit != nil && !l.Audited(k.Audit.Root):
		err = ledger.ErrApproval
	}
	return err
}

// propose does what a leaf says, or keeps it until it has its approvals; waits tells which
// it was.
func (d *domain) propose(ctx context.Context, k keptProposal) (waits bool, err error) {
	err = k.commit(ctx, d)
	if !errors.Is(err, ledger.ErrApproval) {
		return false, err
	}
	return true, d.leave(k)
}

// leave keeps a leaf for whoever writes the log.
func (d *domain) leave(k keptProposal) error {
	digest, _, err := k.digest()
	if err != nil {
		return err
	}
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return d.writeNew(proposalFolder, digest+".json", text)
}

// digest is what an approval of the leaf binds, and the leaf's text. It is the digest of
// that, or of an audit the root in it: what it will have seen nobody knows yet.
func (k keptProposal) digest() (digest string, leaf []byte, err error) {
	_, body := k.body()
	leaf, err = ledger.Content(body)
	if k.Audit != nil {
		return k.Audit.Root, leaf, err
	}
	return digestOf(leaf), leaf, err
}

// waitsForApproval is what a command says when it has proposed something.
func waitsForApproval(w io.Writer, what string) {
	fmt.Fprintf(w, "%s waits for the approvals of two other people: qunxiang approve list\n", what)
}

// settle does whatever has its approvals by now.
func (d *domain) settle(ctx context.Context, log io.Writer) error {
	kept, broken, err := d.keptProposals()
	if err != nil {
		return err
	}
	for _, note := range broken {
		fmt.Fprintln(log, note)
	}
	for name, k := range kept {
		switch err := k.commit(ctx, d); {
		case errors.Is(err, ledger.ErrApproval), errors.Is(err, ledger.ErrUnmet):
			continue
		case errors.Is(err, errUnresolved):
			fmt.Fprintf(log, "%v; it waits until the next start\n", err)
			continue
		case errors.Is(err, ledger.ErrStopped):
			return err
		case err != nil:
			subject, _ := k.body()
			fmt.Fprintf(log, "the proposed %s is given up: %v\n", subject, err)
			if errors.Is(err, ledger.ErrRetention) {
				if err := d.logTooEarly(ctx, k); err != nil {
					return err
				}
			}
		default:
			subject, _ := k.body()
			fmt.Fprintf(log, "approved by two people and done: %s\n", subject)
		}
		if err := os.Remove(d.path(proposalFolder, name)); err != nil {
			return err
		}
	}
	return nil
}

// keptProposals are the leaves that wait, by their files. A file that is none of them stops
// nothing else: broken says what is wrong with it.
func (d *domain) keptProposals() (kept map[string]keptProposal, broken []string, err error) {
	entries, err := os.ReadDir(d.path(proposalFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]keptProposal{}, nil, nil
	}
	kept = map[string]keptProposal{}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		k, err := readProposal(d.path(proposalFolder, e.Name()))
		if err != nil {
			broken = append(broken, fmt.Sprintf("%s is no proposal and is passed over: %v", filepath.Join(proposalFolder, e.Name()), err))
			continue
		}
		kept[e.Name()] = k
	}
	return kept, broken, err
}

func readProposal(path string) (k keptProposal, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return k, err
	}
	if _, body := k.body(); body == nil {
		return k, errors.New("it holds no leaf")
	}
	_, _, err = k.digest()
	return k, err
}
