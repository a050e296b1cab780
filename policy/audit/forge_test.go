package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"math/bits"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/witness"
)

const population = "testville"

var private = ed25519.NewKeyFromSeed([]byte("an Ed25519 seed only for testing"))

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func verifierKey(t testing.TB) string {
	t.Helper()
	key, err := note.NewEd25519VerifierKey(population, private.Public().(ed25519.PublicKey))
	must(t, err)
	return key
}

// unbound is what a test gives for the rules of a leaf that bears none.
const unbound = -1

// member is a leaf's members; pad, index and type are added where missing.
type members map[string]any

// forge writes logs without asking any rule, to show what the auditor sees.
type forge struct {
	t      testing.TB
	leaves [][]byte
	cosign []string // names of witnesses
	at     int64    // when they cosign; default at the time of the newest leaf
	sm2    note.Signer
	by     []note.Signer // in place of the log's key

	files      map[string]string // released, by name: for bundles
	otherChain bool              // of the SM2 signature of a handover
}

func (f *forge) add(kind string, m members) *forge {
	m = f.modern(kind, m)
	if m["type"] == nil {
		m["type"] = kind
	}
	if m["index"] == nil {
		m["index"] = len(f.leaves)
	}
	m["pad"] = ""
	b := marshal(f.t, m)
	for _, size := range []int{1024, 4096, 16384, 65535} {
		if n := size - len(b); n >= 0 {
			b = bytes.Replace(b, []byte(`"pad":"`), append([]byte(`"pad":"`), bytes.Repeat([]byte("0"), n)...), 1)
			break
		}
	}
	return f.raw(b)
}

// modern gives a leaf what format 2 asks of its kind, where the test does not say it.
func (f *forge) modern(kind string, m members) members {
	m = maps.Clone(m)
	if m["previous"] == nil {
		return m
	}
	set := func(name string, value any) {
		if _, said := m[name]; !said {
			m[name] = value
		}
	}
	if kind == "CHARGE" || kind == "RESERVE" {
		if set("rules", 2); m["rules"] == unbound {
			delete(m, "rules")
		}
	}
	if kind == "RESERVE" && m["rules"] == 2 {
		set("by", "steward-s")
	}
	switch kind {
	case "GRANT":
		set("readers", []members{})
		set("replaces", f.inForce())
	case "CHARGE":
		set("policy", f.inForce())
		if m["epoch"] == firstDay { // of its own day
			m["epoch"] = (m["time"].(int) + 8*3600) / (24 * 3600)
		}
	case "REPLAY":
		set("grant", "g-1")
	}
	return m
}

// inForce is the newest GRANT, -1 for none.
func (f *forge) inForce() int {
	for i, leaf := range slices.Backward(f.leaves) {
		if bytes.Contains(leaf, []byte(`"type":"GRANT"`)) {
			return i
		}
	}
	return -1
}

func (f *forge) raw(leaf []byte) *forge {
	f.leaves = append(f.leaves, leaf)
	return f
}

func marshal(t testing.TB, m members) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out) // sorts members
	e.SetEscapeHTML(false)
	must(t, e.Encode(m))
	return bytes.TrimSpace(out.Bytes())
}

func (f *forge) wal() []byte {
	var b []byte
	for _, leaf := range f.leaves {
		head := binary.BigEndian.AppendUint32(nil, uint32(len(leaf)))
		sum := crc32.Checksum(append(bytes.Clone(head), leaf...), crc32.MakeTable(crc32.Castagnoli))
		b = append(append(b, binary.BigEndian.AppendUint32(head, sum)...), leaf...)
	}
	return b
}

// root is RFC 6962 as its section 2.1 writes it.
func root(leaves [][]byte) [32]byte {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	default:
		k := 1 << (bits.Len(uint(n-1)) - 1)
		l, r := root(leaves[:k]), root(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
	}
}

type signer struct{ note.Verifier }

func (signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(private, msg), nil }

func (f *forge) checkpoint() []byte {
	v, err := note.NewVerifier(verifierKey(f.t))
	must(f.t, err)
	r := root(f.leaves)
	text := fmt.Sprintf("%s\n%d\n%s\n", population, len(f.leaves), base64.StdEncoding.EncodeToString(r[:]))
	by := []note.Signer{signer{v}}
	if f.by != nil {
		by = f.by
	}
	for _, name := range f.cosign {
		by = append(by, cosignerAt(f.t, name, f.newest()))
	}
	if f.sm2 != nil {
		by = append(by, f.sm2)
	}
	b, err := note.Sign(&note.Note{Text: text}, by...)
	must(f.t, err)
	return b
}

// newest is when the witnesses cosign.
func (f *forge) newest() int64 {
	at := f.at
	for _, raw := range f.leaves {
		var l struct{ Time int64 }
		if f.at == 0 && json.Unmarshal(raw, &l) == nil && l.Time < start+1e9 {
			at = max(at, l.Time)
		}
	}
	return max(at, start-1e8)
}

// cosigner is a witness's key in tests.
func cosigner(t testing.TB, name string) *witness.Cosigner { return cosignerAt(t, name, start) }

// cosignerAt is a witness whose clock stands still.
func cosignerAt(t testing.TB, name string, at int64) *witness.Cosigner {
	seed := sha256.Sum256([]byte("only for testing: " + name))
	c, err := witness.NewCosigner(name, seed[:], func() time.Time { return time.Unix(at, 0) })
	must(t, err)
	return c
}

func (f *forge) log() fstest.MapFS {
	return fstest.MapFS{"wal": {Data: f.wal()}, "checkpoint": {Data: f.checkpoint()}}
}

func (f *forge) verify() *audit.Report {
	f.t.Helper()
	return verify(f.t, audit.Options{Log: f.log()})
}

func verify(t testing.TB, o audit.Options) *audit.Report {
	t.Helper()
	o.Key, o.WithoutReleases = verifierKey(t), o.Releases == nil
	if o.Now == nil {
		o.Now = func() time.Time { return time.Unix(start, 0).AddDate(30, 0, 0) }
	}
	r, err := audit.Verify(context.Background(), o)
	must(t, err)
	return r
}

const (
	start    = 1795000000 // 2026-11-18
	firstDay = (start + 8*3600) / (24 * 3600)
)

func with(m members, pairs ...any) members {
	m = maps.Clone(m)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(m, pairs[i].(string))
		} else {
			m[pairs[i].(string)] = pairs[i+1]
		}
	}
	return m
}

func terms(pairs ...any) members {
	limit := members{"rho": "100", "delta": "50"}
	return with(members{
		"caps":   members{"year": limit, "life": limit},
		"grants": []members{granted("g-1"), granted("g-small", "quota_rho", "20"), granted("g-old", "until", "2026-11-17")},
		"mode":   "evaluation", "policy": "policy-digest", "population": population, "time": start,
	}, pairs...)
}

func granted(id string, pairs ...any) members {
	return with(members{"id": id, "principal": "insurer-a", "purposes": []string{"pricing"}, "quota_rho": "0",
		"templates": []string{"claim-severity"}, "until": "2027-12-31"}, pairs...)
}

func charged(id string, pairs ...any) members {
	return with(members{
		"catalogue": "I3", "delta": "1", "due": start + 2, "epoch": firstDay, "grant": "g-1", "id": id, "idempotency": "", "key": "k",
		"organisation": "Insurer A", "principal": "insurer-a", "purpose": "pricing", "request": "q", "rho": "10",
		"scopes": []string{population + "/2017", population + "/life"}, "sigmas": members{"people": "1e+09"},
		"snapshot": "s-1", "template": "claim-severity@1.0.0", "template_digest": "d", "time": start,
	}, pairs...)
}

// reserved sets rho 40 of caps of 100 aside.
func reserved(job string, pairs ...any) members {
	return with(members{"delta": "4", "grant": "g-1", "job": job, "last_day": "2026-11-20", "organisation": "Insurer A", "principal": "insurer-a",
		"purpose": "pricing", "rho": "40", "scopes": []string{population + "/2017", population + "/life"},
		"template": "claim-severity@1.0.0", "template_digest": "d", "time": start}, pairs...)
}

// drawing is a charge of a job's attempt.
func drawing(id, job string, pairs ...any) members {
	return with(charged(id, "catalogue", "federated", "key", job), pairs...)
}

// attempting is what a charge of a job's attempt has in format 2.
func attempting(job string, pairs ...any) members {
	return with(drawing(job+"-1", job, "idempotency", digestOf([]byte(job)), "template_digest", templateDigest), pairs...)
}

func released(id string, charge int, pairs ...any) members {
	return with(members{"charge": charge, "digest": digestOf([]byte(id)), "id": id, "time": start + 2}, pairs...)
}

func abandoned(charge int, pairs ...any) members {
	return with(members{"charge": charge, "time": start + 2}, pairs...)
}

func replayed(id string, release int, pairs ...any) members {
	return with(members{"id": id, "idempotency": "", "organisation": "Insurer A", "principal": "insurer-a", "purpose": "pricing", "release": release,
		"request": "q", "time": start + 2}, pairs...)
}

// begun has caps at 0 and a snapshot at 1.
func begun(t testing.TB) *forge {
	f := &forge{t: t}
	return f.add("GRANT", terms()).add("SNAPSHOT", members{"by": "steward-s", "snapshot": "s-1", "time": start})
}
