package queries

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// maxReceipt bounds a receipt, in bytes: two leaves, two proofs, and cosignatures.
const maxReceipt = 1 << 20

// ReceiptKeyID names a receipt key by the beginning of the SHA-256 of its public
// half, in hex: the 32 bytes of Ed25519, or the 65 of an SM2 point.
func ReceiptKeyID(public []byte) string { return digestOf(public)[:16] }

// ReceiptCheck says against what a receipt is held.
type ReceiptCheck struct {
	// Key and SM2 are the keys that must both have signed. Required.
	Key ed25519.PublicKey
	SM2 *witness.SM2Public
	// Retired are the domain's receipt keys before those, each good for receipts whose
	// checkpoint ends no later than with the leaf that retired it; default none.
	Retired []RetiredKey
	// Trust has the pinned keys of the log and its witnesses. Required.
	Trust *witness.Trust
	// Release must be the bytes that were released; default not looked at.
	Release []byte
	Now     func() time.Time // default time.Now
}

// RetiredKey is a receipt key of one algorithm and the KEY leaf that put another in its
// place.
type RetiredKey struct {
	Key   ed25519.PublicKey  // or
	SM2   *witness.SM2Public // one of them
	Until int64
}

// ParseReceipt reads a receipt in its one spelling, and checks nothing else of it.
// Anything else is ReceiptMalformed.
func ParseReceipt(text []byte) (*Receipt, error) {
	var r Receipt
	if len(text) > maxReceipt || json.Unmarshal(text, &r) != nil {
		return nil, failing(ReceiptMalformed, "it is not a receipt")
	}
	if again, err := r.encode(); err != nil || !bytes.Equal(text, again) {
		return nil, failing(ReceiptMalformed, "it is not in its one spelling")
	}
	for _, l := range []Logged{r.Charge, r.Release} {
		if (len(l.Leaf) > 0) == (l.Hash != nil) || l.Hashes == nil || r.Envelope.Signatures == nil {
			return nil, failing(ReceiptMalformed, "it has not one of a leaf and its hash, or no list where one belongs")
		}
	}
	return &r, nil
}

// VerifyReceipt checks a receipt offline: its statement is signed by both keys; its two
// leaves are in the log under a checkpoint that the pinned keys vouch for, and they are
// the RELEASE and, before it, the CHARGE of which the statement speaks. Anything else is a
// *ReceiptError. What the statement says of mode, k and approvals is not in these leaves: it
// is refused where it cannot be true, and otherwise proven by the whole log only.
func VerifyReceipt(text []byte, c ReceiptCheck) (*Statement, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	r, err := ParseReceipt(text)
	if err != nil {
		return nil, err
	}
	s, until, err := c.signed(r)
	if err != nil {
		return nil, err
	}
	if c.Trust == nil {
		return nil, failing(ReceiptKey, "no key of its log is pinned")
	}
	seen, err := c.Trust.Open([]byte(r.Checkpoint), c.Now())
	if err != nil {
		return nil, failing(ReceiptCheckpoint, "its checkpoint: %w", err)
	}
	if seen.Size > until+1 {
		return nil, failing(ReceiptKey, "it is signed by a receipt key that leaf %d retired, under a checkpoint of %d leaves", until, seen.Size)
	}
	for _, l := range []Logged{r.Charge, r.Release} {
		if err := l.under(seen.Checkpoint); err != nil {
			return nil, err
		}
	}
	if err := s.Predicate.of(r, s.Subject[0], seen.Origin); err != nil {
		return nil, err
	}
	if c.Release == nil && r.Charge.Leaf == nil {
		return nil, failing(ReceiptRelease, "it does not show the CHARGE leaf, which is another organisation's: what was charged is seen with the released file only")
	}
	if c.Release == nil {
		return s, nil
	}
	if digestOf(c.Release) != s.Subject[0].Digest["sha256"] {
		return nil, failing(ReceiptRelease, "the release is not the one that was logged")
	}
	return s, s.Predicate.says(c.Release)
}

// receiptKey is a key that checks receipts.
type receiptKey struct {
	id     string
	verify func(message, sig []byte) bool
	until  int64
}

func ed25519Receipt(key ed25519.PublicKey, until int64) receiptKey {
	return receiptKey{ReceiptKeyID(key), func(m, sig []byte) bool { return ed25519.Verify(key, m, sig) }, until}
}

// keys are those of both algorithms, the ones in force first.
func (c ReceiptCheck) keys() (first, second []receiptKey) {
	for _, k := range append([]RetiredKey{{c.Key, c.SM2, math.MaxInt64 - 1}}, c.Retired...) {
		if len(k.Key) == ed25519.PublicKeySize {
			first = append(first, ed25519Receipt(k.Key, k.Until))
		}
		if k.SM2 != nil {
			second = append(second, receiptKey{ReceiptKeyID(k.SM2.Bytes()), k.SM2.Verify, k.Until})
		}
	}
	return first, second
}

// signed reads the statement, which keys of both algorithms must have signed, and says up
// to which leaf they are good.
func (c ReceiptCheck) signed(r *Receipt) (*Statement, int64, error) {
	bad := func(code ReceiptCode, what string) (*Statement, int64, error) {
		return nil, 0, failing(code, "%s", what)
	}
	e := r.Envelope
	payload, err := base64.StdEncoding.Strict().DecodeString(e.Payload)
	if err != nil || e.PayloadType != ReceiptType {
		return bad(ReceiptMalformed, "it has no in-toto statement")
	}
	first, second := c.keys()
	if len(first) == 0 || len(second) == 0 {
		return bad(ReceiptKey, "both keys of receipts are needed")
	}
	message, until := dsse.PAE(e.PayloadType, payload), int64(math.MaxInt64-1)
	for i, list := range [][]receiptKey{first, second} {
		at := slices.IndexFunc(list, func(k receiptKey) bool { return signedOnce(e.Signatures, k.id, message, k.verify) })
		if at < 0 {
			return bad(ReceiptSignature, "its statement is not signed by the receipt key ("+[]string{"Ed25519", "SM2"}[i]+")")
		}
		until = min(until, list[at].until)
	}
	var s Statement
	if json.Unmarshal(payload, &s) != nil || !s.spelled(payload) || s.Type != StatementType || s.PredicateType != ReceiptPredicate ||
		len(s.Subject) != 1 || len(s.Subject[0].Digest) != 1 || s.Subject[0].Digest["sha256"] == "" || s.Predicate.Mechanism != Mechanism {
		return bad(ReceiptMalformed, "its statement is of another kind")
	}
	return &s, until, nil
}

// spelled says whether a statement has the one spelling of its bytes: readers of JSON differ
// in which of two members they take.
func (s *Statement) spelled(payload []byte) bool {
	again, err := json.Marshal(s)
	return err == nil && bytes.Equal(again, payload)
}

// signedOnce says whether the one signature under a key's id is right. Signatures under
// ids that nobody asks for are not looked at.
func signedOnce(list []dsse.Signature, id string, message []byte, verify func(message, sig []byte) bool) bool {
	found := 0
	for _, s := range list {
		if s.KeyID != id {
			continue
		}
		sig, err := base64.StdEncoding.Strict().DecodeString(s.Sig)
		if err != nil || !verify(message, sig) {
			return false
		}
		found++
	}
	return found == 1
}

// under checks a leaf's proof.
func (l Logged) under(c witness.Checkpoint) error {
	hash := tlog.RecordHash(l.Leaf)
	if l.Hash != nil {
		hash = *l.Hash
	}
	if l.Index < 0 || l.Index >= c.Size || tlog.CheckRecord(l.Hashes, c.Size, c.Root, l.Index, hash) != nil {
		return failing(ReceiptProof, "leaf %d is not in the log of its checkpoint", l.Index)
	}
	return nil
}

// of checks that a predicate speaks of the receipt's leaves.
func (p Predicate) of(r *Receipt, subject Subject, population string) error {
	leaf, err := ledger.Decode(r.Release.Leaf)
	if err != nil {
		return failing(ReceiptLeaf, "its leaf cannot be read")
	}
	rel, ok := leaf.Body.(*ledger.Release)
	if !ok || leaf.Index != r.Release.Index || leaf.Index != p.ReleaseLeaf || rel.Charge != p.ChargeLeaf || rel.ID != p.Release ||
		rel.Digest != subject.Digest["sha256"] || subject.Name != p.Release+".json" || population != p.Population {
		return failing(ReceiptLeaf, "the statement and the RELEASE leaf differ")
	}
	if r.Charge.Index != p.ChargeLeaf || p.ChargeLeaf >= p.ReleaseLeaf {
		return failing(ReceiptLeaf, "it was not charged before it was released")
	}
	charge, err := p.charged(r.Charge)
	if err != nil {
		return err
	}
	return p.rests(charge)
}

// charged checks that the CHARGE leaf, where it is shown, says what the predicate says,
// and gives it.
func (p Predicate) charged(l Logged) (*ledger.Charge, error) {
	if l.Leaf == nil {
		return nil, nil
	}
	leaf, err := ledger.Decode(l.Leaf)
	if err != nil {
		return nil, failing(ReceiptLeaf, "its leaf cannot be read")
	}
	c, ok := leaf.Body.(*ledger.Charge)
	if !ok || leaf.Index != p.ChargeLeaf || c.ID != p.Release || c.Template != p.Template || c.Catalogue != p.Catalogue || c.TemplateDigest != p.TemplateDigest ||
		c.Snapshot != p.Snapshot || c.Epoch != p.OptOutEpoch || c.Purpose != p.Purpose || decimal(c.Cost.Rho) != p.Rho || decimal(c.Cost.Delta) != p.Delta || !slices.Equal(c.Scopes, p.Scopes) || leaf.Previous != "" && c.Policy != p.PolicyLeaf {
		return nil, failing(ReceiptLeaf, "the statement and the CHARGE leaf differ")
	}
	return c, nil
}

// says checks that the released bytes say of themselves what the predicate says.
func (p Predicate) says(body []byte) error {
	var rel Release
	if json.Unmarshal(body, &rel) != nil {
		return failing(ReceiptRelease, "the release cannot be read")
	}
	cost := dp.Cost{}
	_, err1 := fmt.Sscan(p.Rho, &cost.Rho)
	_, err2 := fmt.Sscan(p.Delta, &cost.Delta)
	slices.Sort(rel.Privacy.Scopes)
	k := fmt.Sprint(rel.Privacy.K)
	if err1 != nil || err2 != nil || rel.ID != p.Release || rel.Template != p.Template || rel.Catalogue != p.Catalogue || rel.Digest != p.TemplateDigest ||
		rel.Snapshot != p.Snapshot || rel.Epoch != p.OptOutEpoch || rel.Purpose != p.Purpose || rel.Privacy.Rho != cost.RhoFloat() || rel.Privacy.Delta != cost.DeltaFloat() ||
		!slices.Equal(rel.Privacy.Scopes, p.Scopes) || rel.Evaluation != (p.Mode == policy.ModeEvaluation) || p.K != "" && p.K != k && p.K != noisyThreshold(rel.Privacy.K) {
		return failing(ReceiptRelease, "the statement and the release differ")
	}
	return nil
}

// noisyThreshold is how a policy says that k is held against the noisy count where the
// keys are public.
func noisyThreshold(k int) string { return (&policy.Policy{K: k, NoisyK: true}).Threshold() }

// TlogProof gives the proof of the RELEASE leaf in the text form of C2SP tlog-proof, with
// the leaf's bytes as its extra data.
func (r Receipt) TlogProof() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString(r.Release.Leaf), r.Release.Index)
	for _, h := range r.Release.Hashes {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	fmt.Fprintf(&b, "\n%s", r.Checkpoint)
	return b.Bytes()
}
