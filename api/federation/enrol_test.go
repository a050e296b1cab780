package federation

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
)

// applicant is what an enrolment is made of, to be changed by tests.
type applicant struct {
	name, organisation string
	key, owner         ed25519.PrivateKey
	tls                crypto.Signer
}

func newApplicant(t testing.TB, name string) applicant {
	return applicant{name, "North Mutual", newKey(t), newKey(t), newTLSKey(t)}
}

func (x applicant) enrolment(t testing.TB) *Enrolment {
	t.Helper()
	e, err := NewEnrolment(EnrolmentOptions{Name: x.name, Organisation: x.organisation, Key: x.key, Owner: publicOf(x.owner), TLS: x.tls})
	must(t, err)
	return e
}

// clock is an authority's, moved by tests.
type clock struct{ now time.Time }

func openAuthority(t testing.TB, dir string, c *clock, pending int) *Authority {
	t.Helper()
	a, err := OpenAuthority(AuthorityOptions{Dir: dir, Hosts: []string{"127.0.0.1", "coordinator.test"}, MaxPending: pending, Now: func() time.Time { return c.now }})
	must(t, err)
	return a
}

// The whole way over the wire: post, wait, compare, approve, fetch, use; and the same
// again after a restart.
func TestEnrolment(t *testing.T) {
	w := newWorld(t, func(w *world) { w.require = true })
	e := w.enrolment(0)
	c := w.client(nil) // an applicant has no certificate and signs nothing but the enrolment
	s, err := c.Enrol(ctx, e)
	must(t, err)
	if s.State != Pending || s.Certificate != "" || s.ID != e.ID() || s.Name != "node-0" {
		t.Fatalf("%+v", s)
	}
	again, err := c.Enrol(ctx, e)
	if err != nil || again != s {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	list, err := w.admin().Enrolments(ctx)
	if err != nil || len(list) != 1 || list[0] != s {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, wrong := range []string{"", strings.Repeat("00000000 ", 8), w.enrolment(1).Fingerprint(), s.ID, e.Fingerprint()[:70]} {
		_, err = w.admin().ApproveEnrolment(ctx, s.ID, wrong)
		mustBe(t, err, api.ErrFingerprint)
	}
	_, err = w.admin().ApproveEnrolment(ctx, "0011223344556677", e.Fingerprint())
	mustBe(t, err, api.ErrUnknownEnrolment)
	if s, _ := c.EnrolmentState(ctx, e); s.State != Pending {
		t.Fatal("approved by a wrong fingerprint")
	}
	s, err = w.admin().ApproveEnrolment(ctx, s.ID, strings.ToUpper(strings.ReplaceAll(e.Fingerprint(), " ", "")))
	must(t, err)
	if s.State != Approved || s.Until.Before(time.Now().Add(NodeLife-time.Hour)) {
		t.Fatalf("%+v", s)
	}
	w.stop()
	w.start()
	got, err := c.EnrolmentState(ctx, e)
	if err != nil || got.Certificate != s.Certificate {
		t.Fatalf("after a restart: %+v, %v", got, err)
	}
	w.parties[0].certificate = pairOf(t, got.Certificate, w.parties[0].tls)
	_, err = w.node(0).Jobs(ctx)
	must(t, err)

	must(t, w.admin().RemoveEnrolment(ctx, s.ID))
	_, err = c.EnrolmentState(ctx, e)
	mustBe(t, err, api.ErrUnknownEnrolment)
	_, err = w.node(0).Jobs(ctx)
	mustBe(t, err, api.ErrClientCertificate)
	mustBe(t, w.admin().RemoveEnrolment(ctx, s.ID), api.ErrUnknownEnrolment)
	if s, err := c.Enrol(ctx, e); err != nil || s.State != Pending {
		t.Errorf("enrolled again without approval: %+v, %v", s, err)
	}
}

// Only a request that keeps every rule is taken, and whoever changes one byte of it
// breaks its signature.
func TestEnrolmentRules(t *testing.T) {
	a := openAuthority(t, t.TempDir(), &clock{time.Now()}, 0)
	x := newApplicant(t, "north")
	resign := func(e *Enrolment) { e.Signature = ed25519.Sign(x.key, e.said()) }
	csr := func(subject pkix.Name, names []string, key crypto.Signer) []byte {
		b, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject, DNSNames: names}, key)
		must(t, err)
		return b
	}
	north := pkix.Name{CommonName: "north"}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	for name, change := range map[string]func(*Enrolment){
		"version":           func(e *Enrolment) { e.Version = "qunxiang-enrolment/2" },
		"no name":           func(e *Enrolment) { e.Name = "" },
		"upper case":        func(e *Enrolment) { e.Name = "North" },
		"a path":            func(e *Enrolment) { e.Name = "../north" },
		"a host":            func(e *Enrolment) { e.Name = "coordinator.test" },
		"a long name":       func(e *Enrolment) { e.Name = strings.Repeat("n", 64) },
		"a hyphen":          func(e *Enrolment) { e.Name = "north-" },
		"no organisation":   func(e *Enrolment) { e.Organisation = "" },
		"a control":         func(e *Enrolment) { e.Organisation = "a\x1b[31m" },
		"a direction":       func(e *Enrolment) { e.Organisation = "a\u202eb" },
		"a long text":       func(e *Enrolment) { e.Organisation = strings.Repeat("n", 201) },
		"owner is the key":  func(e *Enrolment) { e.Owner = e.Key },
		"no request":        func(e *Enrolment) { e.Request = nil },
		"another's request": func(e *Enrolment) { e.Request = csr(pkix.Name{CommonName: "south"}, []string{"north"}, x.tls) },
		"another SAN":       func(e *Enrolment) { e.Request = csr(north, []string{"north", "coordinator.test"}, x.tls) },
		"no SAN":            func(e *Enrolment) { e.Request = csr(north, nil, x.tls) },
		"more subject": func(e *Enrolment) {
			e.Request = csr(pkix.Name{CommonName: "north", Organization: []string{"x"}}, []string{"north"}, x.tls)
		},
		"P-384":             func(e *Enrolment) { e.Request = csr(north, []string{"north"}, p384) },
		"RSA":               func(e *Enrolment) { e.Request = csr(north, []string{"north"}, weak) },
		"the message key":   func(e *Enrolment) { e.Request = csr(north, []string{"north"}, x.key) },
		"the owner's key":   func(e *Enrolment) { e.Request = csr(north, []string{"north"}, x.owner) },
		"a garbled request": func(e *Enrolment) { e.Request = bytes.Clone(e.Request); e.Request[len(e.Request)-1] ^= 1 },
	} {
		e := x.enrolment(t)
		change(e)
		resign(e)
		_, err := a.Enrol(e)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		mustBe(t, err, api.ErrEnrolment)
	}
	for name, change := range map[string]func(*Enrolment){
		"name":         func(e *Enrolment) { e.Name = "south" },
		"organisation": func(e *Enrolment) { e.Organisation = "South" },
		"owner":        func(e *Enrolment) { e.Owner = federated.KeyOf(publicOf(newKey(t))) },
		"key":          func(e *Enrolment) { e.Key = federated.KeyOf(publicOf(newKey(t))) },
		"request":      func(e *Enrolment) { e.Request = csr(north, []string{"north"}, newTLSKey(t)) },
		"signature":    func(e *Enrolment) { e.Signature[3] ^= 1 },
		"none":         func(e *Enrolment) { e.Signature = nil },
	} {
		e := x.enrolment(t)
		change(e)
		if err := e.Check(); err == nil || !strings.Contains(err.Error(), "signature does not verify") {
			t.Errorf("%s is not signed: %v", name, err)
		}
	}
	if len(a.Enrolments()) != 0 {
		t.Error("something was kept")
	}
	for _, o := range []EnrolmentOptions{
		{}, {Name: "n", Organisation: "x", Key: x.tls, Owner: publicOf(x.owner), TLS: x.tls}, {Name: "n", Organisation: "x", Key: x.key, TLS: x.tls},
	} {
		_, err := NewEnrolment(o)
		mustBe(t, err, api.ErrEnrolment)
	}
	first, second := x.enrolment(t), newApplicant(t, "north").enrolment(t)
	if first.Fingerprint() == second.Fingerprint() || len(first.Fingerprint()) != 71 || first.ID() == second.ID() || strings.Contains(strings.ReplaceAll(first.Fingerprint(), " ", ""), first.ID()) {
		t.Errorf("%s %s, %s %s", first.Fingerprint(), first.ID(), second.Fingerprint(), second.ID())
	}
}

// A name that is enrolled is its keys' for good; until then it is anybody's to ask for,
// and the operator decides.
func TestEnrolledNameIsKept(t *testing.T) {
	dir, now := t.TempDir(), &clock{time.Now()}
	a := openAuthority(t, dir, now, 0)
	x := newApplicant(t, "north")
	rival := newApplicant(t, "north").enrolment(t)
	e := x.enrolment(t)
	for _, r := range []*Enrolment{rival, e} {
		_, err := a.Enrol(r)
		must(t, err)
	}
	_, err := a.Approve(e.ID(), rival.Fingerprint())
	mustBe(t, err, api.ErrFingerprint)
	s, err := a.Approve(e.ID(), e.Fingerprint())
	must(t, err)
	_, err = a.Approve(rival.ID(), rival.Fingerprint())
	mustBe(t, err, api.ErrEnrolled)
	again, err := a.Approve(e.ID(), e.Fingerprint())
	if err != nil || again != s {
		t.Errorf("approved twice: %+v, %v", again, err)
	}
	for name, change := range map[string]func(*applicant){
		"key":          func(y *applicant) { y.key = newKey(t) },
		"owner":        func(y *applicant) { y.owner = newKey(t) },
		"organisation": func(y *applicant) { y.organisation = "South Life" },
	} {
		y := x
		change(&y)
		if _, err := a.Enrol(y.enrolment(t)); !errors.Is(err, api.ErrEnrolled) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	a = openAuthority(t, dir, now, 0) // the rule outlives a restart
	_, err = a.Enrol(newApplicant(t, "north").enrolment(t))
	mustBe(t, err, api.ErrEnrolled)

	// The same node with a new key for TLS waits again, and then takes its own place.
	y := x
	y.tls = newTLSKey(t)
	e2 := y.enrolment(t)
	if s, err := a.Enrol(e2); err != nil || s.State != Pending {
		t.Fatalf("%+v, %v", s, err)
	}
	old := a.all[e.ID()].leaf
	if !a.holds(old, "north", e.Key) || a.holds(old, "south", e.Key) || a.holds(old, "north", rival.Key) {
		t.Error("whose the certificate is")
	}
	_, err = a.Approve(e2.ID(), e2.Fingerprint())
	must(t, err)
	if a.holds(old, "north", e.Key) || !a.holds(a.all[e2.ID()].leaf, "", e.Key) {
		t.Error("the old key for TLS is still taken")
	}
	if list := a.Enrolments(); len(list) != 2 {
		t.Errorf("%+v", list)
	}
}
