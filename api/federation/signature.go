package federation

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
)

// Window is how far the clocks of node and coordinator may be apart: a request is taken
// from Window before its time of creation to Window after it.
const Window = 5 * time.Minute

// The one profile of RFC 9421 that is spoken here.
const (
	label      = "qx"
	components = `("@method" "@path" "@query" "content-digest")`
	tag        = "qunxiang-federated/1"
	nonceBytes = 16
)

// params are the signature's parameters, in their one order and spelling.
func params(created int64, nonce [nonceBytes]byte, key federated.Key) string {
	id, _ := key.MarshalText() // never fails
	return fmt.Sprintf(`%s;created=%d;nonce="%s";keyid="%s";alg="ed25519";tag="%s"`,
		components, created, base64.StdEncoding.EncodeToString(nonce[:]), id, tag)
}

// base is the signature base of RFC 9421 section 2.5. The path is the one on the wire,
// and an empty query is "?".
func base(r *http.Request, digest, params string) []byte {
	return fmt.Appendf(nil, "\"@method\": %s\n\"@path\": %s\n\"@query\": ?%s\n\"content-digest\": %s\n\"@signature-params\": %s",
		r.Method, r.URL.EscapedPath(), r.URL.RawQuery, digest, params)
}

// contentDigest is the Content-Digest of a body (RFC 9530).
func contentDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// sign adds Content-Digest, Signature-Input and Signature to a request.
func sign(r *http.Request, body []byte, key crypto.Signer, now time.Time) error {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return fmt.Errorf("%w: the message key is not Ed25519", ErrOptions)
	}
	var nonce [nonceBytes]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	digest, p := contentDigest(body), params(now.Unix(), nonce, federated.KeyOf(public))
	sig, err := key.Sign(rand.Reader, base(r, digest, p), crypto.Hash(0))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Digest", digest)
	r.Header.Set("Signature-Input", label+"="+p)
	r.Header.Set("Signature", label+"=:"+base64.StdEncoding.EncodeToString(sig)+":")
	return nil
}

// signed is what a verified signature says.
type signed struct {
	key     federated.Key
	created time.Time
	nonce   [nonceBytes]byte
	digest  string // Content-Digest, which the body has yet to be compared with
}

var inputForm = regexp.MustCompile(`;created=([0-9]{1,11});nonce="([A-Za-z0-9+/=]{24})";keyid="([A-Za-z0-9+/=]{44})";`)

// verify checks a request's signature from its header alone: one signature, of exactly
// the profile, by the key it names, made within Window of now. Whether the key is
// anybody's, the nonce is new and the body has the digest is for the caller.
// api.ErrRequestSignature.
func verify(r *http.Request, now time.Time) (s signed, err error) {
	bad := func(why string) (signed, error) {
		return signed{}, fmt.Errorf("%w: %s", api.ErrRequestSignature, why)
	}
	input, okInput := oneHeader(r, "Signature-Input")
	value, okValue := oneHeader(r, "Signature")
	digest, okDigest := oneHeader(r, "Content-Digest")
	if !okInput || !okValue || !okDigest {
		return bad("Signature-Input, Signature and Content-Digest are needed, once each")
	}
	m := inputForm.FindStringSubmatch(input)
	if m == nil {
		return bad("not in the profile")
	}
	seconds, err := strconv.ParseInt(m[1], 10, 64)
	nonce, err2 := base64.StdEncoding.Strict().DecodeString(m[2])
	if err != nil || err2 != nil || len(nonce) != nonceBytes || s.key.UnmarshalText([]byte(m[3])) != nil {
		return bad("not in the profile")
	}
	s.created, s.digest = time.Unix(seconds, 0), digest
	copy(s.nonce[:], nonce)
	p := params(seconds, s.nonce, s.key)
	if input != label+"="+p {
		return bad("not in the profile")
	}
	text, ok := strings.CutPrefix(value, label+"=:")
	text, ok2 := strings.CutSuffix(text, ":")
	sig, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || !ok2 || err != nil || !ed25519.Verify(s.key.Public(), base(r, digest, p), sig) {
		return bad("it does not verify")
	}
	if d := now.Sub(s.created); d > Window || d < -Window {
		return bad("made at another time: compare the clocks")
	}
	return s, nil
}

func oneHeader(r *http.Request, name string) (string, bool) {
	v := r.Header.Values(name)
	if len(v) != 1 {
		return "", false
	}
	return v[0], true
}

// covers says whether the body is the one that was signed.
func (s signed) covers(body []byte) error {
	if subtle.ConstantTimeCompare([]byte(s.digest), []byte(contentDigest(body))) != 1 {
		return fmt.Errorf("%w: the body is not the one of Content-Digest", api.ErrRequestSignature)
	}
	return nil
}
