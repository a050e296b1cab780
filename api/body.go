package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
)

// maxBody is the largest request body, in bytes.
const maxBody = 64 << 10

// RequestBody is what a client sends to estimate or to ask.
type RequestBody struct {
	Template     string            `json:"template" maxLength:"200" doc:"Template id, id@version or catalogue id such as I3."`
	Coarse       bool              `json:"coarse,omitempty" doc:"Take the coarse variant: fewer, larger groups."`
	Parameters   map[string]string `json:"parameters,omitempty" maxProperties:"50" doc:"Parameters by name, all as text; a window is 2017-01-01..2017-12-31, a list is separated by commas, money is in yuan with at most two decimals."`
	Purpose      string            `json:"purpose,omitempty" maxLength:"200" doc:"Declared purpose. Left out, it is the first one of the grant where the template allows that, or the only one that fits."`
	Accuracy     []string          `json:"accuracy,omitempty" maxItems:"50" doc:"Wanted half-widths of the 95 % interval, [MEASURE=]ERROR, where ERROR is 50 in the unit of the measure (money in yuan, though answers are in fen) or 5% at 1000."`
	Cost         *float64          `json:"cost,omitempty" doc:"What the request may cost in rho, in place of accuracy."`
	PublicPeople int64             `json:"public_people,omitempty" minimum:"0" maximum:"2000000000" doc:"Declared size of the population, where the policy declares none."`
	Only         map[string]string `json:"only,omitempty" doc:"Groups wanted, by key, several by comma. The answer is the whole table."`
	MaxRho       *float64          `json:"max_rho,omitempty" doc:"The price that was agreed to, in rho: where a charge would be above it, nothing is charged and the problem is price. Left out, it may cost what it costs. It is no part of the question, and estimates pass over it."`
	AllowEmpty   bool              `json:"allow_empty,omitempty" doc:"Buy a table that is predicted to be mostly suppressed."`
}

// strictBody reads a body before huma does: huma takes member names in any case
// and the last of a repeated one.
func (s *Server) strictBody(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	r := c.Request()
	if ctx.Operation().RequestBody == nil {
		next(ctx)
		return
	}
	body, p := readBody(c.Response(), r)
	if p == nil {
		p = checkBody(body, bodyOf(r))
	}
	if p != nil {
		s.refuse(c, p)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	next(ctx)
}

// readBody reads a JSON body of at most maxBody bytes.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *Problem) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, mediaType.problem()
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, mediaType.because("Content-Encoding is not taken.")
	}
	if r.ContentLength > maxBody {
		return nil, tooLarge.because("A body has at most 64 KiB.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge.because("A body has at most 64 KiB.")
	case err != nil:
		return nil, malformed.because("The body could not be read to its end.")
	}
	return body, nil
}

// fieldName is a member name that can be said back.
var fieldName = regexp.MustCompile(`^[A-Za-z0-9_]{1,40}$`)

func checkBody(body []byte, is reflect.Type) *Problem {
	members, err := scanStrict(body)
	if err != nil {
		return malformed.because(strings.TrimPrefix(err.Error(), errJSON.Error()+": "))
	}
	unknown := unknownMembers(members, is)
	if len(unknown) == 0 {
		return nil
	}
	p := invalid.problem()
	for i, name := range unknown {
		if i == maxFaults {
			break
		}
		f := FieldError{Location: "body", Message: "unknown member"}
		if fieldName.MatchString(name) {
			f.Location += "." + name
		}
		p.Errors = append(p.Errors, f)
	}
	return p
}

// bodyOf is the type of a request's body.
func bodyOf(r *http.Request) reflect.Type {
	if r.URL.Path == approvalsPath {
		return reflect.TypeFor[Statement]()
	}
	return reflect.TypeFor[RequestBody]()
}
