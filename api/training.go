package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode"
)

// Errors of the coordinator's side of training (package api/federation), here because
// the map from errors to problems is.
var (
	// ErrRequestSignature: the request is not signed as the profile asks, the signature
	// does not verify, or it is too old, too early or a replay.
	ErrRequestSignature = errors.New("the request signature is not accepted")
	// ErrNotMember: the job's card does not name the key that signed the request.
	ErrNotMember = errors.New("not a party to this job")
	// ErrClientCertificate: there is no client certificate where one is required, or it is
	// another node's or no longer enrolled.
	ErrClientCertificate = errors.New("the client certificate is not accepted")
	// ErrUnknownJob: the coordinator has no such job.
	ErrUnknownJob = errors.New("no such job")
	// ErrEnrolment: a request to enrol that is malformed or not signed by its keys.
	ErrEnrolment = errors.New("the enrolment is not accepted")
	// ErrUnknownEnrolment: there is no such enrolment.
	ErrUnknownEnrolment = errors.New("no such enrolment")
	// ErrEnrolled: the name belongs to a node with other keys.
	ErrEnrolled = errors.New("the name is enrolled with other keys")
	// ErrFingerprint: the fingerprint is not the enrolment's.
	ErrFingerprint = errors.New("the fingerprint is not that of the enrolment")
	// ErrEnrolmentsFull: too many enrolments wait for approval.
	ErrEnrolmentsFull = errors.New("too many enrolments are waiting")
	// ErrTooFast: a node has too many requests open or too many in a short time.
	ErrTooFast = errors.New("too many requests of one node")
)

// ProblemOf turns any error into what a client may know of it. An error that is not in
// the map is a bare 500.
func ProblemOf(err error) *Problem { return problemOf(err) }

// Write sends the problem as the whole response.
func (p *Problem) Write(w http.ResponseWriter) { p.write(w) }

// NoSuchRoute and NoSuchMethod are the problems of requests that no handler takes.
func NoSuchRoute() *Problem { return noRoute.problem() }

// NoSuchMethod is the problem of a method that a route has not.
func NoSuchMethod() *Problem { return noMethod.problem() }

// ReadBody reads a body of a media type and of at most so many bytes. A *Problem for
// another type, an encoding, or a body that is too long or broken off.
func ReadBody(w http.ResponseWriter, r *http.Request, media string, most int64) ([]byte, error) {
	got, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || got != media || charset != "" && !strings.EqualFold(charset, "utf-8") || r.Header.Get("Content-Encoding") != "" {
		return nil, mediaType.because("The body must be " + media + " without Content-Encoding.")
	}
	if r.ContentLength > most {
		return nil, tooLarge.problem()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge.problem()
	case err != nil:
		return nil, malformed.because("The body could not be read to its end.")
	}
	return body, nil
}

// DecodeStrict reads a body that is one flat JSON object into a struct: members that are
// unknown, spelled in another case or there twice are a *Problem, and so is anything
// behind the object.
func DecodeStrict(body []byte, into any) error {
	members, err := scanStrict(body)
	if err != nil {
		return malformed.because(strings.TrimPrefix(err.Error(), errJSON.Error()+": "))
	}
	if len(unknownMembers(members, reflect.TypeOf(into).Elem())) > 0 {
		return invalid.because("There is an unknown member.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return invalid.because("A member has not the right form.")
	}
	return nil
}

// ReadProblem makes a problem of an answer that is not a success, from at most so many
// bytes of its body. Its texts have no control characters: the server may be anybody.
func ReadProblem(res *http.Response, most int64) *Problem {
	p := &Problem{}
	b, _ := io.ReadAll(io.LimitReader(res.Body, most)) // what is missing fails to parse
	media, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if media != problemMedia || json.Unmarshal(b, p) != nil || p.Title == "" {
		p = &Problem{Type: "about:blank", Title: "The server answered " + res.Status}
	}
	p.Status = res.StatusCode
	for _, s := range []*string{&p.Title, &p.Detail, &p.Rule, &p.Scope} {
		*s = shown(*s)
	}
	for i := range p.Errors {
		p.Errors[i] = FieldError{shown(p.Errors[i].Location), shown(p.Errors[i].Message)}
	}
	return p
}

// shown is a text of another's as a terminal may print it.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > maxDetail {
		s = string(r[:maxDetail]) + "..."
	}
	return s
}
