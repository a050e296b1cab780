package federation

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// proxy stands where HTTPS_PROXY points; loopback addresses go past it.
var proxy = &tunnel{}

func TestMain(m *testing.M) {
	s := httptest.NewServer(proxy)
	for _, name := range []string{"NO_PROXY", "no_proxy", "https_proxy"} {
		_ = os.Unsetenv(name)
	}
	_ = os.Setenv("HTTPS_PROXY", s.URL)
	code := m.Run()
	s.Close()
	if err := goleak.Find(goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon")); err != nil && code == 0 { // a library's, from its start
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBe(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return k
}

func publicOf(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

const adminToken = "administrator-administrator-administrator"

// party is a node: keys, certificate, people and ledger.
type party struct {
	name, organisation string
	key, owner         ed25519.PrivateKey
	tls                *ecdsa.PrivateKey
	enrolment          *Enrolment
	certificate        *tls.Certificate
	ledger             *ledger.Ledger
	signer             ed25519.PrivateKey
}

// world is a coordinator behind a real listener, and the parties of its job.
type world struct {
	t       testing.TB
	dir     string
	key     ed25519.PrivateKey
	addr    string
	require bool
	adjust  func(*HandlerOptions)
	times   times // of the handler; default its own
	edit    func(card string) string
	each    int // people of a node; default 2000
	parties []*party
	card    *federated.Card

	host      *federated.Host
	authority *Authority
	handler   *Handler
	stop      func()
}

const cardYAML = `version: qunxiang-card/1
job: claim-frequency
purpose: commercial-health-insurance
description: How often insured persons see a doctor, by age
source:
  template: claim-frequency-features@1.0.0
  digest: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  parameters: {window: 2025-01-01..2025-12-31, history: 0}
model:
  family: poisson
  start_mean: 0.3
  rounds: 2
  response: {name: visits, unit: visits, range: [0, 60]}
  features:
    - {name: age, unit: years, range: [20, 60]}
privacy: {rho: 5, places: 1}
expect: {people: 6000, people_per_node: 4000}
until: 2099-12-31
deadlines: {phase: 60, share: 3600}
recipients: [North Mutual, South Life, Pharma East]
coordinator: {organisation: Health Fund, key: "%s"}
nodes:
%s`

func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "federation")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// newWorld makes the parties and starts the coordinator.
func newWorld(t testing.TB, change ...func(*world)) *world {
	t.Helper()
	w := &world{t: t, dir: memoryDir(t), key: newKey(t), addr: "127.0.0.1:0", each: 2000}
	for _, f := range change {
		f(w)
	}
	var nodes strings.Builder
	for i, org := range []string{"North Mutual", "South Life", "Pharma East"} {
		p := &party{name: fmt.Sprint("node-", i), organisation: org, key: newKey(t), owner: newKey(t), signer: newKey(t)}
		p.tls = newTLSKey(t)
		w.parties = append(w.parties, p)
		fmt.Fprintf(&nodes, "  - {name: %s, organisation: %s, key: %q, owner: %q}\n", p.name, org, b64(p.key), b64(p.owner))
	}
	text := fmt.Sprintf(cardYAML, b64(w.key), nodes.String())
	if w.edit != nil {
		text = w.edit(text)
	}
	var err error
	w.card, err = federated.ParseCard("card.yaml", []byte(text))
	must(t, err)
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

func newTLSKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return k
}

func b64(k ed25519.PrivateKey) string { return base64.StdEncoding.EncodeToString(publicOf(k)) }

// start starts the coordinator, at the address it had before.
func (w *world) start() {
	w.t.Helper()
	var err error
	w.host, err = federated.OpenHost(federated.HostOptions{Dir: filepath.Join(w.dir, "jobs"), Key: w.key})
	must(w.t, err)
	w.authority, err = OpenAuthority(AuthorityOptions{Dir: w.dir, Hosts: []string{"127.0.0.1", "coordinator.test"}})
	must(w.t, err)
	o := HandlerOptions{Host: w.host, Authority: w.authority, AdminToken: adminToken, RequireCertificate: w.require}
	if w.adjust != nil {
		w.adjust(&o)
	}
	w.handler, err = NewHandler(o)
	must(w.t, err)
	if w.times != (times{}) {
		w.handler.times = w.times
	}
	l, err := net.Listen("tcp", w.addr)
	must(w.t, err)
	w.addr = l.Addr().String()
	running, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	served := make(chan error, 1)
	handler, authority, host := w.handler, w.authority, w.host
	group.Go(func() { served <- handler.Serve(running, l, authority.TLS()) })
	group.Go(func() {
		for running.Err() == nil {
			if err := host.Tick(); err != nil {
				w.t.Error(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	w.stop = sync.OnceFunc(func() {
		cancel()
		group.Wait()
		must(w.t, <-served)
		must(w.t, host.Close())
	})
}

func (w *world) client(change func(*ClientOptions)) *Client {
	w.t.Helper()
	o := ClientOptions{URL: "https://" + w.addr, CA: w.authority.Certificate(), Timeout: 20 * time.Second}
	if change != nil {
		change(&o)
	}
	c, err := NewClient(o)
	must(w.t, err)
	w.t.Cleanup(c.Close)
	return c
}

func (w *world) admin() *Client {
	return w.client(func(o *ClientOptions) { o.AdminToken = adminToken })
}

// node is a party's client.
func (w *world) node(i int) *Client {
	return w.client(func(o *ClientOptions) { o.Key, o.Certificate = w.parties[i].key, w.parties[i].certificate })
}

func (w *world) enrolment(i int) *Enrolment {
	w.t.Helper()
	p := w.parties[i]
	if p.enrolment == nil {
		e, err := NewEnrolment(EnrolmentOptions{Name: p.name, Organisation: p.organisation, Key: p.key, Owner: publicOf(p.owner), TLS: p.tls})
		must(w.t, err)
		p.enrolment = e
	}
	return p.enrolment
}

// enrolAll gives every party its certificate, over the wire.
func (w *world) enrolAll() {
	w.t.Helper()
	for i, p := range w.parties {
		e := w.enrolment(i)
		c := w.node(i)
		s, err := c.Enrol(ctx, e)
		must(w.t, err)
		_, err = w.admin().ApproveEnrolment(ctx, s.ID, e.Fingerprint())
		must(w.t, err)
		s, err = c.EnrolmentState(ctx, e)
		must(w.t, err)
		p.certificate = pairOf(w.t, s.Certificate, p.tls)
	}
}

func pairOf(t testing.TB, text string, key *ecdsa.PrivateKey) *tls.Certificate {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	pair, err := tls.X509KeyPair([]byte(text), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	must(t, err)
	return &pair
}

// job begins the world's job and returns its digest.
func (w *world) job() secagg.Hash {
	w.t.Helper()
	s, err := w.admin().Create(ctx, w.card)
	must(w.t, err)
	job, err := s.Digest()
	must(w.t, err)
	return job
}

// canonical is the JSON of an approval: its members are in order already.
func canonical(t testing.TB, a federated.Approval) []byte {
	t.Helper()
	b, err := json.Marshal(a)
	must(t, err)
	return b
}
