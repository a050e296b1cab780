package federation

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"

	"github.com/qunxiang/qunxiang/federated"
)

// Create begins the job of a card, at a coordinator whose administrator this is; the
// same card again changes nothing. federated.ErrCard, ErrWire or ErrRefused.
func (c *Client) Create(ctx context.Context, card *federated.Card) (JobStatus, error) {
	text, err := card.JSON()
	if err != nil {
		return JobStatus{}, err
	}
	var out JobStatus
	return out, c.callJSON(ctx, http.MethodPost, "jobs", text, maxCard, &out)
}

// Enrol asks for a certificate, and asks again for the state of the same enrolment or,
// when two thirds of the certificate's time are over, for a new one with the same keys.
// A certificate that it returns is for the enrolment's name and key and of the client's
// authority. api.ErrEnrolment, api.ErrEnrolled, api.ErrEnrolmentsFull.
func (c *Client) Enrol(ctx context.Context, e *Enrolment) (EnrolmentState, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return EnrolmentState{}, err
	}
	return c.enrolment(ctx, http.MethodPost, "enrolments", b, e)
}

// EnrolmentState asks how an enrolment stands. api.ErrUnknownEnrolment where it was
// removed.
func (c *Client) EnrolmentState(ctx context.Context, e *Enrolment) (EnrolmentState, error) {
	return c.enrolment(ctx, http.MethodGet, "enrolments/"+e.ID(), nil, e)
}

func (c *Client) enrolment(ctx context.Context, method, path string, body []byte, e *Enrolment) (EnrolmentState, error) {
	var s EnrolmentState
	if err := c.callJSON(ctx, method, path, body, maxProblem, &s); err != nil {
		return EnrolmentState{}, err
	}
	if s.ID != e.ID() || s.Fingerprint != e.Fingerprint() {
		return EnrolmentState{}, fmt.Errorf("%w: of another enrolment", ErrAnswer)
	}
	if s.Certificate == "" {
		return s, nil
	}
	return s, c.checkCertificate(e, s.Certificate)
}

// checkCertificate wants a certificate of the client's authority for the enrolment's
// name and key.
func (c *Client) checkCertificate(e *Enrolment, text string) error {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return fmt.Errorf("%w: the certificate is not PEM", ErrAnswer)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("%w: the certificate: %w", ErrAnswer, err)
	}
	csr, err := x509.ParseCertificateRequest(e.Request)
	if err != nil || !bytes.Equal(csr.RawSubjectPublicKeyInfo, cert.RawSubjectPublicKeyInfo) || cert.Subject.CommonName != e.Name {
		return fmt.Errorf("%w: the certificate is for another name or key", ErrAnswer)
	}
	_, err = cert.Verify(x509.VerifyOptions{Roots: c.roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, CurrentTime: c.o.Now()})
	if err != nil {
		return fmt.Errorf("%w: the certificate: %w", ErrAnswer, err)
	}
	return nil
}

// Enrolments are those that wait and those that were approved, for the administrator.
func (c *Client) Enrolments(ctx context.Context) ([]EnrolmentState, error) {
	return list[EnrolmentState](ctx, c, "enrolments")
}

// ApproveEnrolment issues the certificate. The fingerprint is the one that the node's
// operator has told by another way. api.ErrFingerprint, api.ErrUnknownEnrolment,
// api.ErrEnrolled.
func (c *Client) ApproveEnrolment(ctx context.Context, id, fingerprint string) (EnrolmentState, error) {
	b, err := json.Marshal(approval{fingerprint})
	if err != nil {
		return EnrolmentState{}, err
	}
	var s EnrolmentState
	return s, c.callJSON(ctx, http.MethodPost, "enrolments/"+id+"/approval", b, maxProblem, &s)
}

// RemoveEnrolment forgets an enrolment; its certificate is refused from then on.
func (c *Client) RemoveEnrolment(ctx context.Context, id string) error {
	_, err := c.call(ctx, http.MethodDelete, "enrolments/"+id, nil, "", maxProblem)
	return err
}
