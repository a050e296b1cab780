package federation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
)

// Enrolment is a node's request for a certificate: who it is, its keys, and a PKCS #10
// request for the key that it speaks TLS with, all under one signature of the message
// key. Keep it: renewal sends the same again.
type Enrolment struct {
	Version      string        `json:"version"` // "qunxiang-enrolment/1"
	Name         string        `json:"name"`    // lower case, digits and hyphens; as on the job card
	Organisation string        `json:"organisation"`
	Key          federated.Key `json:"key"`       // message key
	Owner        federated.Key `json:"owner"`     // signs approvals
	Request      []byte        `json:"request"`   // PKCS #10, DER in base64; its subject is CN=Name
	Signature    []byte        `json:"signature"` // Ed25519 by Key over everything above, base64
}

// EnrolmentOptions are what an enrolment is made of. All are required.
type EnrolmentOptions struct {
	Name, Organisation string
	Key                crypto.Signer     // Ed25519, signs messages
	Owner              ed25519.PublicKey // signs approvals
	TLS                crypto.Signer     // Ed25519 or ECDSA P-256; none of the other keys
}

// CheckName says whether a node can be enrolled under a name and an organisation.
// api.ErrEnrolment.
func CheckName(name, organisation string) error {
	switch {
	case !nodeName.MatchString(name):
		return fmt.Errorf("%w: a name is of lower case letters, digits and hyphens, at most 63", api.ErrEnrolment)
	case !plainText(organisation):
		return fmt.Errorf("%w: organisation must be a text of at most 200 bytes", api.ErrEnrolment)
	}
	return nil
}

const enrolmentVersion = "qunxiang-enrolment/1"

// maxEnrolment bounds an enrolment's JSON, in bytes.
const maxEnrolment = 8 << 10

var nodeName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// NewEnrolment makes and signs an enrolment. api.ErrEnrolment.
func NewEnrolment(o EnrolmentOptions) (*Enrolment, error) {
	if o.Key == nil || o.TLS == nil {
		return nil, fmt.Errorf("%w: keys are missing", api.ErrEnrolment)
	}
	public, ok := o.Key.Public().(ed25519.PublicKey)
	if !ok || len(o.Owner) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: message key and owner's key are Ed25519", api.ErrEnrolment)
	}
	e := &Enrolment{Version: enrolmentVersion, Name: o.Name, Organisation: o.Organisation, Key: federated.KeyOf(public), Owner: federated.KeyOf(o.Owner)}
	var err error
	subject := x509.CertificateRequest{Subject: pkix.Name{CommonName: o.Name}, DNSNames: []string{o.Name}}
	if e.Request, err = x509.CreateCertificateRequest(rand.Reader, &subject, o.TLS); err != nil {
		return nil, fmt.Errorf("%w: %w", api.ErrEnrolment, err)
	}
	if e.Signature, err = o.Key.Sign(rand.Reader, e.said(), crypto.Hash(0)); err != nil {
		return nil, err
	}
	return e, e.Check()
}

// said is what is signed: a tag and the JSON of everything but the signature.
func (e *Enrolment) said() []byte {
	bare := *e
	bare.Signature = nil
	b, _ := json.Marshal(bare) // has no kind of field that could fail
	return append([]byte("qx-fl/1 enrolment\x00"), b...)
}

// Fingerprint is the SHA-256 of everything that is signed, keys and certificate request
// among it, in groups of eight hexadecimal digits. The two operators compare it by voice
// or on paper.
func (e *Enrolment) Fingerprint() string {
	sum := sha256.Sum256(e.said())
	h := hex.EncodeToString(sum[:])
	var groups []string
	for ; h != ""; h = h[8:] {
		groups = append(groups, h[:8])
	}
	return strings.Join(groups, " ")
}

// ID names the enrolment at the coordinator. It says nothing of the fingerprint.
func (e *Enrolment) ID() string {
	sum := sha256.Sum256(append([]byte("id\x00"), e.said()...))
	return hex.EncodeToString(sum[:8])
}

// Check wants every rule of an enrolment to hold, and both signatures. api.ErrEnrolment.
func (e *Enrolment) Check() error {
	bad := func(why string) error { return fmt.Errorf("%w: %s", api.ErrEnrolment, why) }
	switch {
	case e.Version != enrolmentVersion:
		return bad("version must be " + enrolmentVersion)
	case CheckName(e.Name, e.Organisation) != nil:
		return CheckName(e.Name, e.Organisation)
	case e.Key == e.Owner:
		return bad("message key and owner's key must differ")
	case !ed25519.Verify(e.Key.Public(), e.said(), e.Signature):
		return bad("the signature does not verify")
	}
	csr, err := x509.ParseCertificateRequest(e.Request)
	if err != nil || csr.CheckSignature() != nil {
		return bad("the certificate request is malformed or not signed by its key")
	}
	if csr.Subject.String() != "CN="+e.Name || len(csr.DNSNames) != 1 || csr.DNSNames[0] != e.Name || len(csr.EmailAddresses)+len(csr.IPAddresses)+len(csr.URIs) > 0 {
		return bad("the certificate request is for another name")
	}
	switch k := csr.PublicKey.(type) {
	case ed25519.PublicKey:
		if tls := federated.KeyOf(k); tls == e.Key || tls == e.Owner {
			return bad("the key for TLS must be a key of its own")
		}
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return bad("the key for TLS is Ed25519 or ECDSA on P-256")
		}
	default:
		return bad("the key for TLS is Ed25519 or ECDSA on P-256")
	}
	return nil
}

// plainText is a text that a card can have and a terminal shows as it is.
func plainText(s string) bool {
	if s == "" || len(s) > 200 || !utf8.ValidString(s) || strings.ContainsAny(s, `"\`) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// States of an enrolment.
const (
	Pending  = "pending"
	Approved = "approved"
)

// EnrolmentState is how an enrolment stands.
type EnrolmentState struct {
	ID           string        `json:"id"`
	State        string        `json:"state"` // Pending or Approved
	Name         string        `json:"name"`
	Organisation string        `json:"organisation"`
	Key          federated.Key `json:"key"`
	Owner        federated.Key `json:"owner"`
	Fingerprint  string        `json:"fingerprint"`
	Received     time.Time     `json:"received"`
	Certificate  string        `json:"certificate,omitempty"` // PEM, once approved
	Until        time.Time     `json:"until,omitzero"`        // when the certificate expires
}

// approval is the body of an approval.
type approval struct {
	Fingerprint string `json:"fingerprint"`
}
