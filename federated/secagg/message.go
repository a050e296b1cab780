package secagg

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Phase is a step of the protocol; its number is the type of the messages sent in it.
type Phase uint8

// The phases in order. Abort is a message that may come in any of them.
const (
	PhaseOpen    Phase = iota // coordinator: job, parameters, roster, round, attempt, model
	PhaseHello                // nonce, ephemeral keys, own ledger head and counter
	PhaseKeyCom               // commitment to the key share
	PhaseKeyOpen              // key share and blind
	PhaseCTCom                // commitments to every half ciphertext
	PhaseCT                   // ciphertexts are uploaded; every c1 is seen by all
	PhaseConfirm              // transcript root and hashes of the own shares: the barrier
	PhaseShare                // wrapped keys, and hashes of the sealed shares
	PhaseResult               // hashes of the sum and of the next model
	PhaseAbort                // the sender has wiped its key
	phases       = int(PhaseAbort) + 1
)

// String is the phase's name as the protocol writes it.
func (f Phase) String() string {
	names := [...]string{"OPEN", "HELLO", "KEYCOM", "KEYOPEN", "CTCOM", "CT", "CONFIRM", "SHARE", "RESULT", "ABORT"}
	if int(f) < len(names) {
		return names[f]
	}
	return fmt.Sprintf("phase %d", uint8(f))
}

// Coordinator is the place of the coordinator, who signs OPEN only.
const Coordinator = 0xffff

// Statement is what a signature covers: one sender's message of one phase in one
// context, by the digest of its payload. Two statements that differ in the
// payload's digest alone prove that the sender equivocated.
type Statement struct {
	Phase   Phase
	Context Hash
	Node    int // place on the roster, or Coordinator
	Payload Hash
	Sig     [ed25519.SignatureSize]byte
}

// Message is a signed statement with its payload.
type Message struct {
	Statement
	Body []byte // the payload; its length is fixed by phase, parameters and roster
}

const headBytes = 1 + 32 + 2 + 32 + ed25519.SignatureSize

func (s Statement) signed() []byte {
	b := append([]byte(protocol+" message\x00"), byte(s.Phase))
	b = append(b, s.Context[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(s.Node))
	return append(b, s.Payload[:]...)
}

// Verify checks the signature (Ed25519, RFC 8032) against the roster.
func (s Statement) Verify(r Roster) error {
	key := r.Coordinator
	if s.Node != Coordinator {
		if s.Node < 0 || s.Node >= len(r.Nodes) {
			return fmt.Errorf("%w: node %d of %d", ErrRoster, s.Node, len(r.Nodes))
		}
		key = r.Nodes[s.Node].Key
	}
	if (s.Phase == PhaseOpen) != (s.Node == Coordinator) {
		return fmt.Errorf("%w: %v from %d", ErrRoster, s.Phase, s.Node)
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, s.signed(), s.Sig[:]) {
		return fmt.Errorf("%w: %v of node %d", ErrSignature, s.Phase, s.Node)
	}
	return nil
}

// sign makes a message. The key may live in a device: Ed25519 over the whole
// statement, no pre-hash.
func sign(key crypto.Signer, phase Phase, ctx Hash, node int, body []byte) (Message, error) {
	m := Message{Statement{Phase: phase, Context: ctx, Node: node, Payload: sha256.Sum256(body)}, body}
	sig, err := key.Sign(nil, m.signed(), crypto.Hash(0))
	if err != nil {
		return Message{}, fmt.Errorf("%w: %v", ErrOptions, err)
	}
	if copy(m.Sig[:], sig) != len(m.Sig) || len(sig) != len(m.Sig) {
		return Message{}, fmt.Errorf("%w: the key does not make Ed25519 signatures", ErrOptions)
	}
	return m, nil
}

// Append appends the wire form: phase (1 byte), context (32), node (2, big
// endian), payload digest (32), signature (64), payload.
func (m Message) Append(b []byte) []byte {
	b = append(b, byte(m.Phase))
	b = append(b, m.Context[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(m.Node))
	b = append(b, m.Payload[:]...)
	b = append(b, m.Sig[:]...)
	return append(b, m.Body...)
}

// Shape is what fixes the length of everything on the wire.
type Shape struct {
	Params *Params
	Nodes  int // on the roster
	Length int // of the vector, in numbers
}

// BodyBytes is the exact payload length of a phase, or -1.
func (s Shape) BodyBytes(f Phase) int {
	chunks := s.Params.Chunks(s.Length)
	switch f {
	case PhaseOpen:
		return openBytes
	case PhaseHello:
		return helloBytes
	case PhaseKeyCom, PhaseCT:
		return 32
	case PhaseKeyOpen:
		return s.Params.PolyBytes() + 32
	case PhaseCTCom:
		return 64 * chunks
	case PhaseConfirm:
		return 32 + 32*chunks
	case PhaseShare:
		return wrapBytes*s.Nodes + 32*chunks
	case PhaseResult:
		return 64
	case PhaseAbort:
		return 1
	}
	return -1
}

// ParseMessage reads a message of exactly the right length for its phase. Digest
// and signature are checked where it is received. The payload is a view of b:
// nothing is copied or allocated.
func (s Shape) ParseMessage(b []byte) (Message, error) {
	if len(b) < headBytes {
		return Message{}, fmt.Errorf("%w: %d bytes", ErrWire, len(b))
	}
	m := Message{Body: b[headBytes:]}
	m.Phase = Phase(b[0])
	copy(m.Context[:], b[1:])
	m.Node = int(binary.BigEndian.Uint16(b[33:]))
	copy(m.Payload[:], b[35:])
	copy(m.Sig[:], b[67:])
	return m, s.checkLength(m)
}

func (s Shape) checkLength(m Message) error {
	if want := s.BodyBytes(m.Phase); len(m.Body) != want {
		return fmt.Errorf("%w: %v of %d bytes, not %d", ErrWire, m.Phase, len(m.Body), want)
	}
	return nil
}

// check is everything but the signature: length, and that the body is the payload.
func (s Shape) check(m Message) error {
	if err := s.checkLength(m); err != nil {
		return err
	}
	if sha256.Sum256(m.Body) != m.Payload {
		return fmt.Errorf("%w: the payload is not the signed one", ErrWire)
	}
	return nil
}

// Evidence is the error of a sender who signed two different messages for one
// phase of one attempt. Anyone with the roster can check it.
type Evidence struct{ First, Second Statement }

// Error names phase and sender.
func (e *Evidence) Error() string {
	return fmt.Sprintf("%v: %v of node %d", ErrEvidence, e.First.Phase, e.First.Node)
}

// Unwrap makes an Evidence an ErrEvidence.
func (e *Evidence) Unwrap() error { return ErrEvidence }

// Verify checks that both statements are signed by the same sender for the same
// phase and context, and differ.
func (e *Evidence) Verify(r Roster) error {
	a, b := e.First, e.Second
	if a.Phase != b.Phase || a.Context != b.Context || a.Node != b.Node || a.Payload == b.Payload {
		return fmt.Errorf("%w: the statements do not contradict each other", ErrOptions)
	}
	if err := a.Verify(r); err != nil {
		return err
	}
	return b.Verify(r)
}
