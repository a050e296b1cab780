package federation

import (
	"cmp"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
)

// pendingLife is how long an enrolment waits for approval before it is forgotten.
const pendingLife = 30 * 24 * time.Hour

// pendingRest is how long an enrolment is safe from those that come after it: it bounds
// what a flood of them writes to the disk.
const pendingRest = time.Minute

// enrolled is an enrolment as it is kept, pending or approved.
type enrolled struct {
	Enrolment   *Enrolment `json:"enrolment"`
	Received    time.Time  `json:"received"`
	Certificate []byte     `json:"certificate,omitempty"` // DER
	leaf        *x509.Certificate
}

func (a *Authority) recordPath(id string) string {
	return a.path(filepath.Join("enrolments", id+".json"))
}

// loadEnrolments takes up what is kept.
func (a *Authority) loadEnrolments() error {
	files, err := os.ReadDir(a.path("enrolments"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if filepath.Ext(f.Name()) != ".json" {
			continue // half written, at most
		}
		path := a.path(filepath.Join("enrolments", f.Name()))
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		e := &enrolled{}
		if err = json.Unmarshal(b, e); err == nil && e.Enrolment == nil {
			err = errors.New("no enrolment")
		}
		if err == nil {
			err = e.Enrolment.Check()
		}
		if err == nil && len(e.Certificate) > 0 {
			e.leaf, err = x509.ParseCertificate(e.Certificate)
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrOptions, path, err)
		}
		a.all[e.Enrolment.ID()] = e
	}
	return nil
}

// keep stores an enrolment durably, and only then in memory.
func (a *Authority) keep(e *enrolled) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := writeFile(a.recordPath(e.Enrolment.ID()), b); err != nil {
		return err
	}
	a.all[e.Enrolment.ID()] = e
	return nil
}

func (a *Authority) forget(id string) error {
	if err := os.Remove(a.recordPath(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	delete(a.all, id)
	return syncFolder(a.path("enrolments"))
}

// sameNode says whether two enrolments are one node's: name, organisation and keys.
func sameNode(a, b *Enrolment) bool {
	return a.Name == b.Name && a.Organisation == b.Organisation && a.Key == b.Key && a.Owner == b.Owner
}

// Enrol takes a request. The same again tells how it stands, and renews a certificate
// that is due. api.ErrEnrolment; api.ErrEnrolled if the name is another node's, by any of
// its keys or its organisation; api.ErrEnrolmentsFull for a minute at most. Where as many
// wait as may, the one that has waited longest is forgotten.
func (a *Authority) Enrol(e *Enrolment) (EnrolmentState, error) {
	if err := e.Check(); err != nil {
		return EnrolmentState{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if old := a.all[e.ID()]; old != nil {
		if old.leaf != nil && due(old.leaf, a.o.Now()) {
			return a.certify(old)
		}
		return old.state(), nil
	}
	for _, old := range a.all {
		if old.leaf != nil && old.Enrolment.Name == e.Name && !sameNode(old.Enrolment, e) {
			return EnrolmentState{}, api.ErrEnrolled
		}
	}
	if err := a.makeRoom(); err != nil {
		return EnrolmentState{}, err
	}
	now := &enrolled{Enrolment: e, Received: a.o.Now().UTC().Truncate(time.Second)}
	return now.state(), a.keep(now)
}

// makeRoom forgets the pending enrolments that have waited too long and, while there are
// still too many, the oldest. Anybody may ask: so none may keep others out for longer than
// pendingRest. api.ErrEnrolmentsFull. a.mu is held.
func (a *Authority) makeRoom() error {
	var pending []*enrolled // the oldest first
	for _, e := range a.all {
		if e.leaf == nil {
			pending = append(pending, e)
		}
	}
	slices.SortFunc(pending, func(x, y *enrolled) int {
		return cmp.Or(x.Received.Compare(y.Received), strings.Compare(x.Enrolment.ID(), y.Enrolment.ID()))
	})
	for ; len(pending) > 0; pending = pending[1:] {
		waited := a.o.Now().Sub(pending[0].Received)
		switch {
		case len(pending) < a.o.MaxPending && waited <= pendingLife:
			return nil
		case waited < pendingRest:
			return api.ErrEnrolmentsFull
		}
		if err := a.forget(pending[0].Enrolment.ID()); err != nil {
			return err
		}
	}
	return nil
}

// certify issues a certificate and keeps it. a.mu is held.
func (a *Authority) certify(e *enrolled) (EnrolmentState, error) {
	der, err := a.makeNode(e.Enrolment)
	if err != nil {
		return EnrolmentState{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return EnrolmentState{}, err
	}
	now := &enrolled{Enrolment: e.Enrolment, Received: e.Received, Certificate: der, leaf: leaf}
	return now.state(), a.keep(now)
}

// Approve issues the certificate of an enrolment whose fingerprint this is; approving
// again changes nothing. Spaces and case do not count. Another enrolment of the same node, with
// another key for TLS, takes the place of the one before. api.ErrUnknownEnrolment,
// api.ErrFingerprint, api.ErrEnrolled.
func (a *Authority) Approve(id, fingerprint string) (EnrolmentState, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.all[id]
	switch {
	case e == nil:
		return EnrolmentState{}, api.ErrUnknownEnrolment
	case joined(fingerprint) != joined(e.Enrolment.Fingerprint()):
		return EnrolmentState{}, api.ErrFingerprint
	case e.leaf != nil:
		return e.state(), nil
	}
	var before []string
	for other, old := range a.all {
		if old.leaf == nil || old.Enrolment.Name != e.Enrolment.Name {
			continue
		}
		if !sameNode(old.Enrolment, e.Enrolment) {
			return EnrolmentState{}, api.ErrEnrolled
		}
		before = append(before, other)
	}
	s, err := a.certify(e)
	for _, other := range before {
		if err == nil {
			err = a.forget(other)
		}
	}
	return s, err
}

func joined(fingerprint string) string {
	return strings.ToLower(strings.Join(strings.Fields(fingerprint), ""))
}

// Remove forgets an enrolment: its certificate is refused from then on, and its name is
// free. api.ErrUnknownEnrolment.
func (a *Authority) Remove(id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all[id] == nil {
		return api.ErrUnknownEnrolment
	}
	return a.forget(id)
}

// Enrolment tells how one stands. api.ErrUnknownEnrolment.
func (a *Authority) Enrolment(id string) (EnrolmentState, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.all[id]; e != nil {
		return e.state(), nil
	}
	return EnrolmentState{}, api.ErrUnknownEnrolment
}

// Enrolments are all, by name and then by time.
func (a *Authority) Enrolments() []EnrolmentState {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []EnrolmentState
	for _, e := range a.all {
		out = append(out, e.state())
	}
	slices.SortFunc(out, func(x, y EnrolmentState) int {
		if x.Name != y.Name {
			return strings.Compare(x.Name, y.Name)
		}
		if d := x.Received.Compare(y.Received); d != 0 {
			return d
		}
		return strings.Compare(x.ID, y.ID)
	})
	return out
}

// holds says whether a client certificate is for the node's name and key: of an
// enrolment that stands, with the message key that signs.
func (a *Authority) holds(c *x509.Certificate, name string, key federated.Key) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.all {
		if e.leaf != nil && e.Enrolment.Name == c.Subject.CommonName && string(e.leaf.RawSubjectPublicKeyInfo) == string(c.RawSubjectPublicKeyInfo) {
			return e.Enrolment.Key == key && (name == "" || e.Enrolment.Name == name)
		}
	}
	return false
}

func (e *enrolled) state() EnrolmentState {
	r := e.Enrolment
	s := EnrolmentState{
		ID: r.ID(), State: Pending, Name: r.Name, Organisation: r.Organisation, Key: r.Key, Owner: r.Owner,
		Fingerprint: r.Fingerprint(), Received: e.Received,
	}
	if e.leaf != nil {
		s.State, s.Until = Approved, e.leaf.NotAfter
		s.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.leaf.Raw}))
	}
	return s
}
