package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// problemType begins the type of every problem. The part after it is stable:
// scripts may rely on it, where titles and details may be reworded.
const problemType = "urn:qunxiang:problem:"

// problemMedia is the media type of problems (RFC 9457).
const problemMedia = "application/problem+json"

// Problem is a refusal or failure as a client sees it (RFC 9457), with the
// extension members rule, scope, rho_left, due and errors where they apply. It
// is an error, so that [Client] returns it as it came.
type Problem struct {
	Type   string `json:"type" format:"uri" doc:"Stable name of the kind of problem."`
	Title  string `json:"title" doc:"The kind of problem in words."`
	Status int    `json:"status" doc:"The HTTP status."`
	Detail string `json:"detail,omitempty" doc:"What is wrong with this request."`
	// Rule is the rule of the policy that refused.
	Rule string `json:"rule,omitempty" doc:"The rule of the policy that refused."`
	// Scope and RhoLeft say which budget is exhausted and what is left of it.
	Scope   string   `json:"scope,omitempty" doc:"The budget that does not suffice."`
	RhoLeft *float64 `json:"rho_left,omitempty" doc:"What is left of it, in rho."`
	// Due is when an answer that is not there yet will be.
	Due    *time.Time   `json:"due,omitempty" doc:"When the answer will be there."`
	Errors []FieldError `json:"errors,omitempty" doc:"What is wrong where in the request."`
}

// FieldError is one fault of a request's form. It never repeats the value.
type FieldError struct {
	Location string `json:"location,omitempty" doc:"Where, such as body.cost."`
	Message  string `json:"message" doc:"What is wrong there."`
}

// Error gives title, rule and detail.
func (p *Problem) Error() string {
	s := p.Title
	if p.Rule != "" {
		s += " (" + p.Rule + ")"
	}
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	for _, e := range p.Errors {
		s += "; " + strings.TrimPrefix(e.Location+": ", ": ") + e.Message
	}
	return s
}

// Name is the stable part of the type, such as "budget-exhausted", or "" for a
// problem of another maker.
func (p *Problem) Name() string {
	name, ok := strings.CutPrefix(p.Type, problemType)
	if !ok {
		return ""
	}
	return name
}

// Is says whether the problem is what target is on the other side: a client's
// code treats a refusal of a server and one of its own Runner alike. Of several
// errors with one name, the first of the list stands for all.
func (p *Problem) Is(target error) bool {
	for _, m := range problemMap {
		if m.kind.name == p.Name() {
			return m.err == target && m.kind != internalError
		}
	}
	return false
}

// GetStatus gives the HTTP status; huma asks for it.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType gives the media type of problems; huma asks for it.
func (p *Problem) ContentType(string) string { return problemMedia }

// write sends the problem as the whole response.
func (p *Problem) write(w http.ResponseWriter) {
	body, _ := json.Marshal(p) // has no kind of field that could fail
	h := w.Header()
	h.Set("Content-Type", problemMedia)
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="qunxiang"`)
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone is no matter
}
