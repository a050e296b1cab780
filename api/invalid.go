package api

import (
	"net/http"
	"regexp"

	"github.com/danielgtaylor/huma/v2"
)

// maxFaults bounds how many faults of a request are listed.
const maxFaults = 20

// location is a place in a request that can be said back.
var location = regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]{1,80}$`)

// ownProblems is a huma transformer: it replaces huma's own error documents,
// which repeat rejected values, by ours.
func (s *Server) ownProblems(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	k := invalid
	switch m.Status {
	case http.StatusBadRequest:
		k = malformed
	case http.StatusRequestEntityTooLarge:
		k = tooLarge
	case http.StatusUnsupportedMediaType:
		k = mediaType
	case http.StatusNotAcceptable:
		k = notAcceptable
	case http.StatusInternalServerError:
		k = internalError
	}
	p := k.problem()
	p.Status = m.Status // huma has sent it already
	for i, e := range m.Errors {
		if i == maxFaults {
			break
		}
		if e != nil && m.Status < 500 {
			p.Errors = append(p.Errors, fault(e))
		}
	}
	s.metrics.refused(p)
	return p, nil
}

// validationText are the messages of huma's validator that are made from the
// schema alone. The others quote what was sent, or Go types.
var validationText = regexp.MustCompile(`^(expected (string|boolean|number|integer|array|object)` +
	`|expected number (>=|<=|>|<) [-+.0-9e]+|expected (array )?length (>=|<=) [0-9]+` +
	`|expected object with at (least|most) [0-9]+ properties|expected required property [a-z_]+ to be present` +
	`|unexpected property|unknown query parameter|invalid (integer|float|boolean)|required [a-z]+ parameter is missing)$`)

func fault(e *huma.ErrorDetail) FieldError {
	f := FieldError{Message: "not of the right form"}
	if location.MatchString(e.Location) {
		f.Location = e.Location
	}
	if validationText.MatchString(e.Message) {
		f.Message = e.Message
	}
	return f
}
