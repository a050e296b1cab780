package federation

import (
	_ "embed" // the description
	"net/http"
)

// openAPI describes the routes (OpenAPI 3.1), by hand: they are plain net/http. A test
// holds it to the routes and the types.
//
//go:embed openapi.yaml
var openAPI []byte

// describe serves the description, to anybody.
func (h *Handler) describe(w http.ResponseWriter, _ *http.Request) {
	_ = send(w, "application/openapi+yaml", openAPI)
}
