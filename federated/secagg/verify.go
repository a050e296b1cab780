package secagg

import (
	"crypto/ed25519"
	"crypto/mlkem"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/tuneinsight/lattigo/v6/ring"
)

// Transcript is everything public about an attempt, plus the opened shares, which
// every node that took part can supply.
type Transcript interface {
	// Message is a node's message of a phase from HELLO to RESULT, or OPEN.
	Message(f Phase, node int) (Message, error)
	// Part is a C0, C1 or Opened part.
	Part(k Kind, node, chunk int) (Part, error)
}

// Report is what a verified transcript proves.
type Report struct {
	Open          Open
	Context, Root Hash
	Next          Hash    // digest of the next model that all nodes signed
	Ledgers       []Mark  // as shown in HELLO
	Sum           []int64 // what was decrypted, and nothing else
}

// Verify checks a whole transcript offline, from public keys alone: every
// signature, every commitment and its opening, the sums, N confirmations of one
// root, that the shares are the confirmed ones, and that they decrypt the sum
// whose hash all nodes signed. It shares formats and arithmetic with the nodes
// but none of their state, and reads one part at a time. Its errors are the
// package's: a Part or Message that is not there is the Transcript's own.
func Verify(p *Params, roster Roster, job Hash, t Transcript) (Report, error) {
	return verify(p, roster, job, t, true)
}

// VerifyBarrier checks a transcript as Verify does up to the N confirmations, and leaves
// out the shares, of which some may never have come. The report has no Sum and no Next.
func VerifyBarrier(p *Params, roster Roster, job Hash, t Transcript) (Report, error) {
	return verify(p, roster, job, t, false)
}

func verify(p *Params, roster Roster, job Hash, t Transcript, whole bool) (rep Report, err error) {
	defer border(&err, nil)
	if p == nil || t == nil {
		return Report{}, fmt.Errorf("%w: no parameters or transcript", ErrOptions)
	}
	if err := roster.Check(); err != nil {
		return Report{}, err
	}
	v := verifier{p: p, roster: roster, t: t}
	steps := []func() error{func() error { return v.opening(job) }, v.hellos, v.keys, v.ciphertexts, v.confirms}
	if whole {
		steps = append(steps, v.shares, v.results)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return Report{}, err
		}
	}
	return v.rep, nil
}

type verifier struct {
	p       *Params
	roster  Roster
	t       Transcript
	rep     Report
	ctx0    Hash
	chunks  int
	phase   []Hash // digests of KEYCOM, KEYOPEN, CTCOM, CT
	commits [2][][]byte
}

// all fetches and checks the messages of a phase, one at a time.
func (v *verifier) all(f Phase, ctx Hash, each func(node int, body []byte) error) ([]Hash, error) {
	var list []Hash
	for i := range v.roster.Nodes {
		m, err := v.t.Message(f, i)
		if err != nil {
			return nil, err
		}
		if err := v.message(m, f, i, ctx, v.roster.Nodes[i].Key); err != nil {
			return nil, err
		}
		if err := each(i, m.Body); err != nil {
			return nil, fmt.Errorf("%v of node %d: %w", f, i, err)
		}
		list = append(list, m.Payload)
	}
	return list, nil
}

func (v *verifier) message(m Message, f Phase, node int, ctx Hash, key ed25519.PublicKey) error {
	shape := Shape{v.p, len(v.roster.Nodes), int(v.rep.Open.Length)}
	switch {
	case m.Phase != f || m.Node != node:
		return fmt.Errorf("%w: %v of node %d, not %v of node %d", ErrOrder, m.Phase, m.Node, f, node)
	case m.Context != ctx:
		return fmt.Errorf("%w: %v of node %d", ErrContext, f, node)
	case len(m.Body) != shape.BodyBytes(f, node) || sha256.Sum256(m.Body) != m.Payload:
		return fmt.Errorf("%w: %v of node %d", ErrWire, f, node)
	case !ed25519.Verify(key, m.signed(), m.Sig[:]):
		return fmt.Errorf("%w: %v of node %d", ErrSignature, f, node)
	}
	return nil
}

func (v *verifier) opening(job Hash) error {
	m, err := v.t.Message(PhaseOpen, Coordinator)
	if err != nil {
		return err
	}
	open, params, roster, err := ParseOpen(m)
	if err != nil {
		return err
	}
	if params != v.p.ID() || roster != v.roster.Digest() || open.Job != job {
		return fmt.Errorf("%w: another job, parameters or roster", ErrOpen)
	}
	if open.Length == 0 || v.p.Chunks(int(open.Length)) > MaxChunks {
		return fmt.Errorf("%w: a vector of %d", ErrOpen, open.Length)
	}
	v.rep.Open, v.chunks = open, v.p.Chunks(int(open.Length))
	v.ctx0 = open.Context0(params, roster)
	return v.message(m, PhaseOpen, Coordinator, open.openContext(), v.roster.Coordinator)
}

func (v *verifier) hellos() error {
	seen := map[string]bool{}
	list, err := v.all(PhaseHello, v.ctx0, func(node int, body []byte) error {
		h := parseHello(body)
		for _, field := range [][]byte{h.nonce[:], h.dh, h.kem} {
			if seen[string(field)] {
				return ErrDuplicate
			}
			seen[string(field)] = true
		}
		if _, err := encapsulationKey(h.kem); err != nil {
			return err
		}
		v.rep.Ledgers = append(v.rep.Ledgers, h.ledger)
		return nil
	})
	v.rep.Context = contextOf(v.ctx0, list)
	return err
}

func (v *verifier) keys() error {
	var commits []Hash
	seen := map[Hash]bool{}
	coms, err := v.all(PhaseKeyCom, v.rep.Context, func(node int, body []byte) error {
		commits = append(commits, Hash(body[:32]))
		parts := []Hash{Hash(body[:32])}
		for b := body[32:]; len(b) > 0; b = b[mlkem.CiphertextSize768:] {
			parts = append(parts, sha256.Sum256(b[:mlkem.CiphertextSize768]))
		}
		for _, h := range parts {
			if seen[h] {
				return ErrDuplicate
			}
			seen[h] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	x := v.p.ring.NewPoly()
	opens, err := v.all(PhaseKeyOpen, v.rep.Context, func(node int, body []byte) error {
		if commitKey(v.rep.Context, node, sha256.Sum256(body)) != commits[node] {
			return ErrCommitment
		}
		return v.p.readPoly(body[:v.p.PolyBytes()], x)
	})
	v.phase = []Hash{hashAll(PhaseKeyCom.String(), v.rep.Context, coms), hashAll(PhaseKeyOpen.String(), v.rep.Context, opens)}
	return err
}

// ciphertexts checks CTCOM and CT. The bytes themselves are read later.
func (v *verifier) ciphertexts() error {
	seen := map[Hash]bool{}
	coms, err := v.all(PhaseCTCom, v.rep.Context, func(node int, body []byte) error {
		for b := body; len(b) > 0; b = b[32:] {
			if seen[Hash(b[:32])] {
				return ErrDuplicate
			}
			seen[Hash(b[:32])] = true
		}
		v.commits[0] = append(v.commits[0], slices.Clone(body))
		return nil
	})
	if err != nil {
		return err
	}
	cts, err := v.all(PhaseCT, v.rep.Context, func(node int, body []byte) error {
		if Hash(body) != hash("uploaded", v.rep.Context[:], coms[node][:]) {
			return ErrCommitment
		}
		return nil
	})
	v.phase = append(v.phase, hashAll(PhaseCTCom.String(), v.rep.Context, coms), hashAll(PhaseCT.String(), v.rep.Context, cts))
	return err
}

// part fetches a part, checks it against its commitment and adds it to sum.
func (v *verifier) part(k Kind, node, chunk int, commit []byte, bad error, x, sum ring.Poly) error {
	part, err := v.t.Part(k, node, chunk)
	if err != nil {
		return err
	}
	if part.Kind != k || part.Node != node || part.Chunk != chunk ||
		commitPart(v.rep.Context, k, node, chunk, part.Body) != Hash(commit[:32]) {
		return fmt.Errorf("%w: part %d of node %d, chunk %d", bad, k, node, chunk)
	}
	if err := v.p.readPoly(part.Body, x); err != nil {
		return err
	}
	for l, limb := range sum.Coeffs {
		for i := range limb {
			limb[i] = (limb[i] + x.Coeffs[l][i]) % v.p.primes[l]
		}
	}
	return nil
}

// confirms recomputes C1 and the root, and checks N confirmations of it.
func (v *verifier) confirms() error {
	var sums []Hash
	x := v.p.ring.NewPoly()
	for k := range v.chunks {
		sum := v.p.ring.NewPoly()
		for i := range v.roster.Nodes {
			if err := v.part(C1, i, k, v.commits[0][i][64*k+32:], ErrCommitment, x, sum); err != nil {
				return err
			}
		}
		sums = append(sums, hash("sum c1", v.rep.Context[:], place(0, k), v.p.appendPoly(nil, sum)))
	}
	v.rep.Root = hashAll("root", v.rep.Context, append(v.phase, hashAll("sums", v.rep.Context, sums)))
	_, err := v.all(PhaseConfirm, v.rep.Context, func(node int, body []byte) error {
		if Hash(body[:32]) != v.rep.Root {
			return ErrRoot
		}
		v.commits[1] = append(v.commits[1], slices.Clone(body[32:]))
		return nil
	})
	return err
}

// shares adds all c0 and shares and decodes.
func (v *verifier) shares() error {
	if _, err := v.all(PhaseShare, v.rep.Context, func(int, []byte) error { return nil }); err != nil {
		return err
	}
	v.rep.Sum = make([]int64, v.rep.Open.Length)
	x := v.p.ring.NewPoly()
	for k := range v.chunks {
		sum := v.p.ring.NewPoly()
		for i := range v.roster.Nodes {
			if err := v.part(C0, i, k, v.commits[0][i][64*k:], ErrCommitment, x, sum); err != nil {
				return err
			}
			if err := v.part(Opened, i, k, v.commits[1][i][32*k:], ErrShare, x, sum); err != nil {
				return err
			}
		}
		if err := v.p.decodeChunk(v.rep.Context, k, len(v.roster.Nodes), sum, v.rep.Sum); err != nil {
			return fmt.Errorf("chunk %d: %w", k, err)
		}
	}
	return nil
}

func (v *verifier) results() error {
	want := SumDigest(v.rep.Context, v.rep.Sum)
	_, err := v.all(PhaseResult, v.rep.Context, func(node int, body []byte) error {
		if node == 0 {
			v.rep.Next = Hash(body[32:])
		}
		if Hash(body[:32]) != want || Hash(body[32:]) != v.rep.Next {
			return ErrResult
		}
		return nil
	})
	return err
}
