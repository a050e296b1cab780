package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/qunxiang/qunxiang/queries"
)

// security is the name of the one security scheme.
const security = "token"

// config is huma's without its documentation pages (they load scripts from
// elsewhere), its schema links and its own routes for the description.
func (s *Server) config() huma.Config {
	c := huma.DefaultConfig("Qunxiang", s.Version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{s.ownProblems}
	c.Info.Description = "Approved questions about insured groups, answered with differential privacy. " +
		"Errors are problem documents (RFC 9457) whose types begin with " + problemType + "."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		security: {Type: "http", Scheme: "bearer", Description: "A token from `qunxiang token add`."},
	}
	return c
}

// operation completes what every operation of the description has in common.
func (s *Server) operation(o huma.Operation) huma.Operation {
	if o.Metadata[public] != true {
		o.Security = []map[string][]string{{security: {}}}
	}
	if o.Method == http.MethodPost {
		// strictBody has read the body. A read deadline that huma sets after
		// that would end the request when it passes, while the handler waits:
		// net/http watches the connection meanwhile.
		o.MaxBodyBytes, o.BodyReadTimeout = maxBody, -1
	}
	if o.DefaultStatus == 0 {
		o.DefaultStatus = http.StatusOK
	}
	if o.Responses == nil {
		o.Responses = map[string]*huma.Response{}
	}
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	o.Responses["default"] = &huma.Response{
		Description: "Problem",
		Content:     map[string]*huma.MediaType{problemMedia: {Schema: schema}},
	}
	return o
}

// releaseSchema describes a release. The value of a measure writes its own
// JSON, which a schema made from the type cannot know.
func (s *Server) releaseSchema() *huma.Schema {
	all := s.huma.OpenAPI().Components.Schemas
	ref := all.Schema(reflect.TypeFor[queries.Release](), true, "Release")
	number := func(what string) *huma.Schema { return &huma.Schema{Type: huma.TypeNumber, Description: what} }
	m := all.Map()["ReleasedValue"]
	m.Description = "A value with its 95 % interval for the noise, or values on an axis."
	m.Properties["value"] = number("The noisy value, absent on an axis.")
	m.Properties["low"] = number("Lower end of the interval.")
	m.Properties["high"] = number("Upper end of the interval.")
	return ref
}

// routeDescription serves the OpenAPI document, made once: it is the same to
// the byte for every caller.
func (s *Server) routeDescription() error {
	d := s.huma.OpenAPI()
	// huma registers its own error document, which is never sent.
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		delete(d.Components.Schemas.Map(), name)
	}
	asJSON, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	asYAML, err := d.YAML()
	if err != nil {
		return err
	}
	documents := map[string][]byte{"json": append(asJSON, '\n'), "yaml": asYAML}
	for _, form := range slices.Sorted(maps.Keys(documents)) {
		s.echo.GET("/openapi."+form, func(c echo.Context) error {
			c.Response().Header().Set("Cache-Control", "no-cache")
			return c.Blob(http.StatusOK, "application/openapi+"+form, documents[form])
		})
	}
	return nil
}
