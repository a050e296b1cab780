package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// optOutFolder holds, in a supervised domain, the lists of opt-outs that were put forward
// and what was said on them: files named by the digest that an approval binds. Nothing of
// them is in the log.
const optOutFolder = "optout-lists"

// optOutList is a list of people who opt out, from when it was put forward on.
type optOutList struct {
	Text       string           `json:"text"` // what is approved, see optOutText
	By         string           `json:"by"`   // the principal who put it forward
	People     int              `json:"people"`
	Keys       []string         `json:"keys"` // psn_keys, in hex
	Said       []ledger.Approve `json:"said"`
	Registered time.Time        `json:"registered"` // zero while it waits
}

// optOutText is what an approval of a list binds by its SHA-256. The list itself appears
// as a digest of its identifiers in their normal form, each once and in order: who has the
// list can compute it, and the salt keeps others from guessing who is on it.
func optOutText(population, by, day, salt string, ids []string, keys []dataset.PsnKey) string {
	registered := sha256.New()
	for _, k := range keys {
		registered.Write(k[:])
	}
	return fmt.Sprintf("qunxiang opt-outs v1\npopulation: %s\nby: %s\nday: %s\npeople: %d\nsalt: %s\nlist: %s\nkeys: %x\n",
		population, by, day, len(keys), salt, optOutDigest(population, salt, ids), registered.Sum(nil))
}

// optOutDigest is of a list of identifiers in their normal form.
func optOutDigest(population, salt string, ids []string) string {
	normal := make([]string, len(ids))
	for i, id := range ids {
		normal[i] = dataset.NormalIdentifier(id)
	}
	slices.Sort(normal)
	return digestOf([]byte("qunxiang opt-out list v1\n" + population + "\n" + salt + "\n" + strings.Join(slices.Compact(normal), "\n") + "\n"))
}

// optOutMember reads a line of optOutText.
func optOutMember(text, name string) string {
	for _, line := range strings.Split(text, "\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	return ""
}

func (l optOutList) digest() string { return digestOf([]byte(l.Text)) }

// words name a list; the number is for those who approve, inside the domain.
func optOutWords(text string) string {
	return fmt.Sprintf("opt-outs of %s people, asked for on %s", optOutMember(text, "people"), optOutMember(text, "day"))
}

// proposeOptOuts keeps a list until two people have approved it.
func (d *domain) proposeOptOuts(as string, ids []string, now time.Time) (optOutList, error) {
	keys, err := dataset.OptOutKeys(d.keys.person, ids)
	if err != nil {
		return optOutList{}, err
	}
	salt := make([]byte, 16)
	rand.Read(salt)
	l := optOutList{By: as, People: len(keys), Said: []ledger.Approve{}}
	l.Text = optOutText(d.state.Population(), as, now.UTC().Format(time.DateOnly), hex.EncodeToString(salt), ids, keys)
	for _, k := range keys {
		l.Keys = append(l.Keys, hex.EncodeToString(k[:]))
	}
	return l, d.keepOptOuts(l)
}

func (d *domain) keepOptOuts(l optOutList) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return d.writeNew(optOutFolder, l.digest()+".json", text)
}

// optOutLists are the lists that were put forward, those that are registered too.
func (d *domain) optOutLists() (all []optOutList, err error) {
	entries, err := os.ReadDir(d.path(optOutFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		text, err := os.ReadFile(d.path(optOutFolder, e.Name()))
		if err != nil {
			return nil, err
		}
		var l optOutList
		if err := json.Unmarshal(text, &l); err != nil || l.digest()+".json" != e.Name() {
			return nil, fmt.Errorf("%s is damaged", d.path(optOutFolder, e.Name()))
		}
		all = append(all, l)
	}
	return all, err
}

// optOutProposals are the lists that wait.
func (d *domain) optOutProposals() (out []api.Proposal, err error) {
	all, err := d.optOutLists()
	for _, l := range all {
		if !l.Registered.IsZero() {
			continue
		}
		p := api.Proposal{Subject: ledger.SubjectOptOuts, Name: optOutWords(l.Text), Detail: "put forward by " + l.By,
			Leaf: []byte(l.Text), Digest: l.digest(), By: []string{l.By}, Approved: []api.ApprovalEntry{}}
		for _, a := range l.Said {
			if !a.Revoked && time.Now().Before(a.Expires) {
				p.Approved = append(p.Approved, api.ApprovalEntry{Person: a.Approver, Until: a.Expires})
			}
		}
		out = append(out, p)
	}
	return out, err
}

// answersForOptOuts says whether a principal may see what waits of opt-outs: who imports
// them, and whose person is an approver. From a list's digest and salt, somebody else could
// try who is on a short one.
func (d *domain) answersForOptOuts(principal string) bool {
	p := d.policy()
	person := p.Person(principal)
	return p.May(principal, policy.ManageOptOuts) == nil ||
		slices.ContainsFunc(p.Supervision.Approvers, func(a policy.Approver) bool { return person != "" && a.Person == person })
}

// optOutLock is for one statement at a time: a file is read, changed and written.
var optOutLock sync.Mutex

// approveOptOuts keeps a statement beside its list, which the second of two registers.
func (d *domain) approveOptOuts(ctx context.Context, a ledger.Approve) error {
	optOutLock.Lock()
	defer optOutLock.Unlock()
	all, err := d.optOutLists()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(l optOutList) bool { return l.digest() == a.Digest && l.Registered.IsZero() })
	if i < 0 {
		return fmt.Errorf("%w: there is no such list, or it is registered", ledger.ErrApproval)
	}
	l := all[i]
	if err := d.state.CheckAside(a, l.Said, time.Now()); err != nil {
		return err
	}
	l.Said = append(l.Said, a)
	if err := d.keepOptOuts(l); err != nil {
		return err
	}
	return d.registerOptOuts(ctx, l)
}

// registerOptOuts registers the people of a list that two have approved. They are left out
// from the next epoch on, as of the day on which it is registered: answers given until
// then stay what they were.
func (d *domain) registerOptOuts(ctx context.Context, l optOutList) error {
	now := time.Now()
	err := d.state.ApprovedAside(l.digest(), l.Said, now, l.By)
	if errors.Is(err, ledger.ErrApproval) {
		return nil
	}
	if err != nil {
		return err
	}
	keys := make([]dataset.PsnKey, len(l.Keys))
	sum := sha256.New()
	for i, text := range l.Keys {
		b, err := hex.DecodeString(text)
		if err != nil || len(b) != len(keys[i]) {
			return fmt.Errorf("%w: a list of opt-outs is damaged", dataset.ErrOptOut)
		}
		keys[i] = dataset.PsnKey(b)
		sum.Write(b)
	}
	if hex.EncodeToString(sum.Sum(nil)) != optOutMember(l.Text, "keys") {
		return fmt.Errorf("%w: a list of opt-outs is not the one that was approved", dataset.ErrOptOut)
	}
	if err := dataset.AddOptOutKeys(d.dir, keys, now); err != nil {
		return err
	}
	l.Registered = now.UTC().Truncate(time.Second)
	if err := d.keepOptOuts(l); err != nil { // else it is registered again, which changes nothing
		return err
	}
	return d.resolveOptOuts(ctx)
}

// settleOptOuts registers what a crash kept from it.
func (d *domain) settleOptOuts(ctx context.Context) error {
	optOutLock.Lock()
	defer optOutLock.Unlock()
	all, err := d.optOutLists()
	if err != nil {
		return err
	}
	for _, l := range all {
		if l.Registered.IsZero() {
			if err := d.registerOptOuts(ctx, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayImportOptOuts wants the steward, and that a list is approved first where the domain
// is supervised.
func (d *domain) mayImportOptOuts(as string, proposing bool) error {
	if err := d.policy().May(as, policy.ManageOptOuts); err != nil {
		return err
	}
	switch supervised := d.state.Supervised(); {
	case supervised && !proposing:
		return &exitError{exitRefused, errors.New("in this domain two other people answer for opt-outs: qunxiang data optout propose, with the same list")}
	case !supervised && proposing:
		return &exitError{exitUsage, errors.New("an evaluation domain has nobody to approve: qunxiang data optout add registers at once")}
	}
	return nil
}
