package ledger_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// keyOf is a person's key in tests.
func keyOf(person string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("only for testing: " + person))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(person string) string {
	return base64.StdEncoding.EncodeToString(keyOf(person).Public().(ed25519.PublicKey))
}

// supervised is the policy of grant with three approvers, of whom ada has two
// principals.
func supervised(rho int64) ledger.Grant {
	g := grant(rho)
	g.Grants = g.Grants[:3]
	g.Readers = []ledger.Reader{{Organisation: "authority", Principal: "regulator-b"}}
	g.Mode, g.By, g.K, g.Retention = "supervised", "steward-c", "20", ledger.MinRetention
	for i := range g.Grants {
		g.Grants[i].Organisation = "Insurer A"
	}
	for _, p := range []string{"ada", "bo", "cy"} {
		g.Approvers = append(g.Approvers, ledger.Approver{Person: p, Key: publicOf(p)})
	}
	g.Persons = []ledger.Person{{Person: "ina", Principal: "insurer-a"}, {Person: "bo", Principal: "regulator-b"},
		{Person: "ada", Principal: "steward-a"}, {Person: "ada", Principal: "steward-a2"}, {Person: "cy", Principal: "steward-c"}, {Person: "stan", Principal: "steward-s"}}
	g.Witnesses = ledger.Witnesses{Keys: []string{witnessKey("keeper.example")}, Quorum: 1}
	return g
}

// says makes a person's signed statement.
func says(person, subject, digest string, at time.Time, change ...func(*ledger.Approve)) ledger.Approve {
	name := "what it is"
	if subject == ledger.SubjectTemplate {
		name = templateNamed(digest)
	}
	a := ledger.Approve{Subject: subject, Digest: digest, Name: name, Approver: person, Made: at.UTC().Truncate(time.Second), Expires: at.UTC().Truncate(time.Second).AddDate(0, 6, 0)}
	for _, c := range change {
		c(&a)
	}
	a.Sign(population, keyOf(person))
	return a
}

func revoked(a *ledger.Approve) { a.Revoked = true }

type world struct {
	*testing.T
	*ledger.Ledger
	c *clock
}

func (w world) approve(subject, digest string, people ...string) {
	w.Helper()
	w.c.step(time.Second)
	for _, p := range people {
		_, err := w.Approve(ctx, says(p, subject, digest, w.c.now()))
		must(w.T, err)
	}
}

// onTerms makes a statement one on the terms of a reservation.
func onTerms(r ledger.Reserve) func(*ledger.Approve) {
	return func(a *ledger.Approve) { a.Name = r.Terms(population) }
}

func (w world) approveJob(r ledger.Reserve, people ...string) {
	w.Helper()
	w.c.step(time.Second)
	for _, p := range people {
		_, err := w.Approve(ctx, says(p, ledger.SubjectJob, r.Job, w.c.now(), onTerms(r)))
		must(w.T, err)
	}
}

func (w world) approveLeaf(subject string, b ledger.Body, people ...string) {
	w.Helper()
	if g, ok := b.(*ledger.Grant); ok {
		next := w.Succession(*g)
		b = &next
	}
	d, err := ledger.ContentDigest(b)
	must(w.T, err)
	w.approve(subject, d, people...)
}

func (w world) ask(id string) error {
	must(w.T, w.Meet(ctx))
	return w.charge(id)
}

func (w world) charge(id string) error {
	c := charge(id, 1, w.c.now())
	c.TemplateDigest = templateDigest
	c.Policy, _ = w.PolicyInForce()
	_, err := w.Charge(ctx, c)
	return err
}

// laterDigest is the digest of a version of the template, of which 0 is the first.
func laterDigest(version int) string { return strings.Repeat(fmt.Sprintf("7%x", 14-version), 32) }

// templateNamed is the version of the template that has a digest.
func templateNamed(digest string) string {
	for v := range 3 {
		if digest == laterDigest(v) {
			return fmt.Sprintf("claim-severity@1.0.%d", v)
		}
	}
	return template
}

var templateDigest = strings.Repeat("7e", 32)

// overseen is a domain with approvers, a snapshot and a template, all approved.
func overseen(t *testing.T) (world, ledger.Grant) {
	t.Helper()
	w, _, _ := watchedBy(t)
	return w, supervised(1000)
}

// watchedBy is overseen, and its witness.
func watchedBy(t *testing.T) (world, *keeper, ledger.Options) {
	t.Helper()
	l, k, c, o := kept(t)
	w, g := world{t, l, c}, supervised(1000)
	_, err := l.Grant(ctx, g)
	must(t, err)
	w.approveLeaf(ledger.SubjectGrant, &g, "ada", "bo")
	w.approveLeaf(ledger.SubjectSnapshot, &ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"}, "ada", "bo")
	w.approve(ledger.SubjectTemplate, templateDigest, "ada", "bo")
	return w, k, o
}

// Naming approvers ends evaluation: nothing is charged before two of them agree to the
// policy, the template and the snapshot, and nothing sets the domain back.
func TestSupervisionBegins(t *testing.T) {
	l, _, c, o := kept(t)
	w := world{t, l, c}
	_, err := l.Approve(ctx, says("ada", ledger.SubjectTemplate, templateDigest, c.now()))
	want(t, err, ledger.ErrApproval) // an evaluation domain has no approvers
	must(t, w.ask("r-0"))
	g := supervised(1000)
	_, err = l.Grant(ctx, g)
	must(t, err)
	snapshot := &ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"}
	setAside := reserve("job-1", 1)
	setAside.TemplateDigest = templateDigest
	for _, step := range []func(){
		func() { w.approveLeaf(ledger.SubjectGrant, &g, "ada") },
		func() { w.approveLeaf(ledger.SubjectGrant, &g, "bo") },
		func() { w.approveLeaf(ledger.SubjectSnapshot, snapshot, "ada", "bo") },
		func() { w.approve(ledger.SubjectTemplate, templateDigest, "bo", "cy") },
	} {
		want(t, w.ask("r-1"), ledger.ErrApproval)
		_, err = l.Reserve(ctx, setAside)
		want(t, err, ledger.ErrApproval)
		step()
	}
	must(t, w.ask("r-1"))
	_, err = l.Grant(ctx, grant(1000))
	want(t, err, ledger.ErrSupervised)
	must(t, l.Close())
	l = open(t, o) // the fold of the log says the same
	defer l.Close()
	must(t, world{t, l, c}.ask("r-2"))
	_, err = l.Grant(ctx, grant(1000))
	want(t, err, ledger.ErrSupervised)
}

// A charge rests on the policy, the template and the snapshot alike: what one approver
// takes back of any of them stops it.
func TestChargeRestsOn(t *testing.T) {
	w, g := overseen(t)
	policy, err := ledger.ContentDigest(&g)
	must(t, err)
	for subject, digest := range map[string]string{ledger.SubjectGrant: policy, ledger.SubjectTemplate: templateDigest, ledger.SubjectSnapshot: snapshotDigest(t)} {
		must(t, w.ask("before-"+subject))
		w.c.step(time.Second)
		_, err = w.Approve(ctx, says("ada", subject, digest, w.c.now(), revoked))
		must(t, err)
		want(t, w.ask("while-"+subject), ledger.ErrApproval)
		w.approve(subject, digest, "ada")
		must(t, w.ask("after-"+subject))
	}
}

// Who may approve, and which statements count.
func TestApprovals(t *testing.T) {
	other := func(a *ledger.Approve) { a.Digest = strings.Repeat("00", 32) }
	for name, tt := range map[string]struct {
		refused error
		do      func(w world) []ledger.Approve
	}{
		"two":           {nil, func(w world) []ledger.Approve { return []ledger.Approve{w.says("ada"), w.says("bo")} }},
		"one":           {ledger.ErrApproval, func(w world) []ledger.Approve { return []ledger.Approve{w.says("ada")} }},
		"one twice":     {ledger.ErrApproval, func(w world) []ledger.Approve { return []ledger.Approve{w.says("ada"), w.later("ada")} }},
		"another thing": {ledger.ErrApproval, func(w world) []ledger.Approve { return []ledger.Approve{w.says("ada"), w.says("bo", other)} }},
		"revoked": {ledger.ErrApproval, func(w world) []ledger.Approve {
			return []ledger.Approve{w.says("ada"), w.says("bo"), w.later("bo", revoked)}
		}},
		"revoked and given anew": {nil, func(w world) []ledger.Approve {
			return []ledger.Approve{w.says("ada"), w.says("bo", revoked), w.later("bo")}
		}},
		"expired": {ledger.ErrApproval, func(w world) []ledger.Approve {
			return []ledger.Approve{w.says("ada"), w.says("bo", func(a *ledger.Approve) { a.Expires = a.Made.Add(3 * time.Second) })}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := overseen(t)
			w.c.step(time.Minute)
			for _, p := range []string{"ada", "bo"} { // what overseen has approved is taken back
				_, err := w.Approve(ctx, says(p, ledger.SubjectTemplate, templateDigest, w.c.now(), revoked))
				must(t, err)
			}
			w.c.step(time.Minute)
			for _, a := range tt.do(w) {
				_, err := w.Approve(ctx, a)
				must(t, err)
				w.c.step(time.Second)
			}
			w.c.step(3 * time.Second)
			if err := w.ask("r-1"); tt.refused != nil {
				want(t, err, tt.refused)
			} else {
				must(t, err)
			}
		})
	}
}

func (w world) says(person string, change ...func(*ledger.Approve)) ledger.Approve {
	return says(person, ledger.SubjectTemplate, templateDigest, w.c.now(), change...)
}

func (w world) later(person string, change ...func(*ledger.Approve)) ledger.Approve {
	return says(person, ledger.SubjectTemplate, templateDigest, w.c.now().Add(time.Second), change...)
}

// Statements that are none.
func TestApprovalRefused(t *testing.T) {
	w, _ := overseen(t)
	w.c.step(time.Minute)
	good := func(change ...func(*ledger.Approve)) ledger.Approve { return w.says("cy", change...) }
	forged, altered, elsewhere := good(), good(), good()
	forged.Sign(population, keyOf("ada"))
	altered.Name = "something else"
	elsewhere.Sign("otherville", keyOf("cy"))
	stale := says("ada", ledger.SubjectTemplate, templateDigest, w.c.now().Add(-time.Hour))
	for name, tt := range map[string]struct {
		a   ledger.Approve
		err error
	}{
		"by another's key":   {forged, ledger.ErrApproval},
		"altered":            {altered, ledger.ErrApproval},
		"another population": {elsewhere, ledger.ErrApproval},
		"no approver":        {w.says("ina"), ledger.ErrApproval},
		"nobody":             {w.says("dee"), ledger.ErrApproval},
		"stale":              {stale, ledger.ErrApproval},
		"in the future":      {good(func(a *ledger.Approve) { a.Made = a.Made.Add(6 * time.Minute) }), ledger.ErrApproval},
		"expired":            {good(func(a *ledger.Approve) { a.Made, a.Expires = a.Made.Add(-time.Hour), a.Made }), ledger.ErrApproval},
		"for too long":       {good(func(a *ledger.Approve) { a.Expires = a.Made.AddDate(1, 0, 2) }), ledger.ErrLeaf},
		"of what is unknown": {good(func(a *ledger.Approve) { a.Subject = "holiday" }), ledger.ErrLeaf},
	} {
		if _, err := w.Approve(ctx, tt.a); err == nil {
			t.Errorf("%s: taken", name)
		} else {
			want(t, err, tt.err)
		}
	}
	a := good()
	_, err := w.Approve(ctx, a)
	must(t, err)
	_, err = w.Approve(ctx, a) // a second time: whoever replays it after a revocation gains nothing
	want(t, err, ledger.ErrApproval)
}

// A policy is approved by people whom the policy before names, who neither put it
// forward nor are given anything by it, under any of their names.
func TestPolicyChange(t *testing.T) {
	lower := func(g *ledger.Grant) { g.Year.Rho-- }
	for name, tt := range map[string]struct {
		change func(*ledger.Grant)
		by     []string
		err    error
	}{
		"two others":           {lower, []string{"ada", "bo"}, nil},
		"one":                  {lower, []string{"ada"}, ledger.ErrApproval},
		"who put it forward":   {lower, []string{"ada", "cy"}, ledger.ErrApproval},
		"who is given":         {func(g *ledger.Grant) { g.Grants[0].Principal = "regulator-b" }, []string{"ada", "bo"}, ledger.ErrApproval},
		"by a second account":  {func(g *ledger.Grant) { g.By = "steward-a2" }, []string{"ada", "bo"}, ledger.ErrApproval},
		"given to one":         {func(g *ledger.Grant) { g.Grants[0].Principal = "steward-a2" }, []string{"ada", "bo"}, ledger.ErrApproval},
		"under another person": {func(g *ledger.Grant) { g.By, g.Persons[3].Person = "steward-a2", "cy" }, []string{"ada", "bo"}, ledger.ErrApproval},
		"a cap raised":         {func(g *ledger.Grant) { g.Year.Rho++ }, []string{"ada", "bo"}, ledger.ErrCapRaised},
		"approvers dropped":    {func(g *ledger.Grant) { g.Approvers = g.Approvers[:2] }, nil, ledger.ErrLeaf},
		"no quorum":            {func(g *ledger.Grant) { g.Witnesses.Quorum = 0 }, nil, ledger.ErrLeaf},
		"too large a quorum":   {func(g *ledger.Grant) { g.Witnesses.Quorum = 2 }, nil, ledger.ErrLeaf},
		"kept too short":       {func(g *ledger.Grant) { g.Retention = ledger.MinRetention - 1 }, nil, ledger.ErrLeaf},
		"by nobody known":      {func(g *ledger.Grant) { g.By = "steward-x" }, nil, ledger.ErrLeaf},
		"one key for two":      {func(g *ledger.Grant) { g.Approvers[1].Key = g.Approvers[0].Key }, nil, ledger.ErrLeaf},
		"one person for two":   {func(g *ledger.Grant) { g.Approvers[1].Person = "ada" }, nil, ledger.ErrLeaf},
		"no organisation":      {func(g *ledger.Grant) { g.Grants[0].Organisation = "" }, nil, ledger.ErrLeaf},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := overseen(t)
			g := supervised(1000)
			tt.change(&g)
			if tt.by != nil {
				w.approveLeaf(ledger.SubjectGrant, &g, tt.by...)
			}
			_, err := w.Grant(ctx, g)
			if tt.err != nil {
				want(t, err, tt.err)
				return
			}
			must(t, err)
			must(t, w.ask("r-1"))
		})
	}
}

// Whoever is no approver any more, or has another key, has approved nothing.
func TestApproversChange(t *testing.T) {
	w, _ := overseen(t)
	g := supervised(1000)
	g.Approvers[1].Key = publicOf("bo's second key")
	w.approveLeaf(ledger.SubjectGrant, &g, "ada", "bo")
	_, err := w.Grant(ctx, g)
	must(t, err)
	want(t, w.ask("r-1"), ledger.ErrApproval)
	a := says("bo", ledger.SubjectGrant, "", w.c.now())
	inForce, _ := w.InForce()
	a.Digest, err = ledger.ContentDigest(&inForce)
	must(t, err)
	for _, digest := range []string{a.Digest, templateDigest, snapshotDigest(t)} {
		a.Digest, a.Subject = digest, map[string]string{a.Digest: ledger.SubjectGrant, templateDigest: ledger.SubjectTemplate, snapshotDigest(t): ledger.SubjectSnapshot}[digest]
		w.c.step(time.Second)
		a.Made, a.Name = w.c.now(), template
		a.Sign(population, keyOf("bo's second key"))
		want(t, w.ask("r-1"), ledger.ErrApproval)
		_, err = w.Approve(ctx, a)
		must(t, err)
	}
	must(t, w.ask("r-1"))
}

func snapshotDigest(t *testing.T) string {
	d, err := ledger.ContentDigest(&ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"})
	must(t, err)
	return d
}

// What is released is kept, and removed by two; a removed snapshot answers nothing.
func TestDelete(t *testing.T) {
	w, _ := overseen(t)
	_, released := func() (int64, int64) {
		c := charge("r-1", 1, w.c.now())
		c.TemplateDigest = templateDigest
		at, err := w.Charge(ctx, under(w.Ledger, c))
		must(t, err)
		w.c.step(2 * time.Second)
		out, err := w.Release(ctx, ledger.Release{Charge: at, ID: "r-1", Digest: digest("r-1")})
		must(t, err)
		return at, out
	}()
	d := ledger.Delete{Leaf: released, By: "steward-c"}
	w.approveLeaf(ledger.SubjectDelete, &d, "ada", "bo")
	_, err := w.Delete(ctx, d)
	want(t, err, ledger.ErrRetention)
	w.c.step((ledger.MinRetention*24 - 1) * time.Hour)
	_, err = w.Delete(ctx, d)
	want(t, err, ledger.ErrRetention)
	w.c.step(2 * time.Hour)
	_, err = w.Delete(ctx, d)
	want(t, err, ledger.ErrApproval) // expired by now
	w.approveLeaf(ledger.SubjectDelete, &d, "ada")
	_, err = w.Delete(ctx, d)
	want(t, err, ledger.ErrApproval)
	w.approveLeaf(ledger.SubjectDelete, &d, "bo")
	if _, ok := w.Deletion(released); ok {
		t.Error("it is deleted before the leaf")
	}
	at, err := w.Delete(ctx, d)
	must(t, err)
	if gone, ok := w.Deletion(released); !ok || gone.Leaf != at || gone.Approvals != 2 || !gone.Time.Equal(w.c.now()) {
		t.Errorf("deleted as %+v", gone)
	}
	_, err = w.Delete(ctx, d)
	want(t, err, ledger.ErrRetention)
	if found := w.Find("key-1"); len(found) != 0 {
		t.Fatalf("a removed release is found: %+v", found)
	}
	_, err = w.Delete(ctx, ledger.Delete{Leaf: 0, By: "steward-c"})
	want(t, err, ledger.ErrUnknown)
	s := ledger.Delete{Leaf: 1, By: "steward-c"}
	w.approveLeaf(ledger.SubjectDelete, &s, "ada", "bo")
	_, err = w.Delete(ctx, s)
	must(t, err)
	want(t, w.ask("r-2"), ledger.ErrSnapshot)
}

// What was deleted under no checkpoint yet stays on the disk.
func TestDeletionsCovered(t *testing.T) {
	w, k, _ := watchedBy(t)
	if !w.DeletionsCovered() {
		t.Error("there is none")
	}
	d := ledger.Delete{Leaf: 1, By: "steward-c"} // the snapshot's leaf
	w.approveLeaf(ledger.SubjectDelete, &d, "ada", "bo")
	must(t, w.Meet(ctx))
	k.set(errors.New("unplugged"))
	_, err := w.Delete(ctx, d)
	must(t, err)
	if w.DeletionsCovered() {
		t.Error("nobody has cosigned it")
	}
	k.set(nil)
	w.c.step(2 * time.Second)
	_, err = w.Checkpoint(ctx)
	must(t, err)
	if !w.DeletionsCovered() {
		t.Error("it is cosigned")
	}
}

// Suspensions, keys and looks at noise take two, each of them for one time.
func TestResumeKeyAudit(t *testing.T) {
	w, _ := overseen(t)
	for _, id := range []string{"r-1", "r-2", "r-3"} {
		c := charge(id, 1, w.c.now())
		c.TemplateDigest = templateDigest
		at, err := w.Charge(ctx, under(w.Ledger, c))
		must(t, err)
		w.c.step(2 * time.Second)
		_, err = w.Abandon(ctx, at)
		must(t, err)
	}
	r, err := w.Resumption(template, "steward-c")
	must(t, err)
	w.approveLeaf(ledger.SubjectResume, &r, "ada", "cy")
	_, err = w.Resume(ctx, template, "steward-c")
	want(t, err, ledger.ErrApproval)
	w.approveLeaf(ledger.SubjectResume, &r, "bo")
	_, err = w.Resume(ctx, template, "steward-a")
	want(t, err, ledger.ErrApproval)
	_, err = w.Resume(ctx, template, "steward-c")
	must(t, err)

	k := ledger.Key{Use: "receipt", Algorithm: "ed25519", Public: "p", By: "steward-c"}
	_, err = w.Rekey(ctx, k, nil)
	want(t, err, ledger.ErrApproval)
	w.approveLeaf(ledger.SubjectKey, &k, "ada", "bo")
	_, err = w.Rekey(ctx, k, nil)
	must(t, err)
	_, err = w.Rekey(ctx, k, nil)
	want(t, err, ledger.ErrKey)

	first, err := w.Root(2)
	must(t, err)
	a := ledger.Audit{Leaves: 2, Root: hex.EncodeToString(first[:]), Passed: true, By: "steward-c"}
	_, err = w.Audit(ctx, a)
	want(t, err, ledger.ErrApproval)
	w.approve(ledger.SubjectAudit, a.Root, "ada", "bo")
	_, err = w.Audit(ctx, a)
	must(t, err)
	_, err = w.Audit(ctx, a)
	want(t, err, ledger.ErrApproval)
	a.Leaves, a.Root = 1<<40, strings.Repeat("cd", 32)
	_, err = w.Audit(ctx, a)
	want(t, err, ledger.ErrUnknown)
}

// Stored answers are given on as long as the policy is approved, and read for good by
// those who supervise.
func TestReplayUnderRevokedPolicy(t *testing.T) {
	w, g := overseen(t)
	c := charge("r-1", 1, w.c.now())
	c.TemplateDigest = templateDigest
	at, err := w.Charge(ctx, under(w.Ledger, c))
	must(t, err)
	w.c.step(2 * time.Second)
	out, err := w.Release(ctx, ledger.Release{Charge: at, ID: "r-1", Digest: digest("r-1")})
	must(t, err)
	r := ledger.Replay{ID: "r-2", Release: out, Grant: "g-1", Principal: "insurer-a", Organisation: "Insurer A", Purpose: "pricing", Request: "q"}
	_, err = w.Replay(ctx, r)
	must(t, err)
	d, err := ledger.ContentDigest(&g)
	must(t, err)
	w.c.step(time.Second)
	_, err = w.Approve(ctx, says("ada", ledger.SubjectGrant, d, w.c.now(), revoked))
	must(t, err)
	r.ID = "r-3"
	_, err = w.Replay(ctx, r)
	want(t, err, ledger.ErrApproval)
	want(t, w.ask("r-4"), ledger.ErrApproval)
	r.Purpose, r.Principal, r.Organisation, r.Grant = "read-releases", "regulator-b", "authority", ""
	_, err = w.Replay(ctx, r)
	must(t, err)
}
