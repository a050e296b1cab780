package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func description(t *testing.T, form string) []byte {
	t.Helper()
	s, _ := registerServer(t, func(o *Options) {
		o.Keys = func() (*Keys, error) { return &Keys{}, nil }
	})
	w := do(s.Handler(), "GET", "/openapi."+form, "", "Authorization: ")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/openapi+"+form {
		t.Fatalf("%d %q", w.Code, w.Header().Get("Content-Type"))
	}
	return w.Body.Bytes()
}

func TestDescriptionIsStable(t *testing.T) {
	for _, form := range []string{"json", "yaml"} {
		first := description(t, form)
		if !bytes.Equal(first, description(t, form)) {
			t.Errorf("two servers describe themselves differently in %s", form)
		}
		if form == "yaml" {
			golden(t, "openapi.yaml", first)
		}
	}
	var a, b any
	if err := json.Unmarshal(description(t, "json"), &a); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(description(t, "yaml"), &b); err != nil {
		t.Fatal(err)
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if !bytes.Equal(x, y) {
		t.Error("JSON and YAML say different things")
	}
}

type document struct {
	OpenAPI string
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]struct {
		OperationID string
		Summary     string
		Security    []map[string][]string
		Parameters  []struct {
			Name, In string
			Required bool
			Schema   map[string]any
		}
		RequestBody struct {
			Required bool
			Content  map[string]any
		}
		Responses map[string]struct {
			Description string
			Content     map[string]struct{ Schema map[string]any }
		}
	}
	Components struct {
		Schemas         map[string]map[string]any
		SecuritySchemes map[string]map[string]any
	}
}

// The document is one that tools can use: version, unique operation ids, path
// parameters declared, problems everywhere, references that lead somewhere.
func TestDescriptionIsSound(t *testing.T) {
	raw := description(t, "json")
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1.") || d.Info.Title == "" || d.Info.Version != "test" || d.Components.SecuritySchemes[security]["scheme"] != "bearer" {
		t.Errorf("head: %+v", d.Info)
	}
	ids := map[string]bool{}
	braced := regexp.MustCompile(`\{(\w+)\}`)
	for path, methods := range d.Paths {
		for method, op := range methods {
			where := method + " " + path
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" {
				t.Errorf("%s: operation id %q is empty or repeated, or no summary", where, op.OperationID)
			}
			ids[op.OperationID] = true
			for _, m := range braced.FindAllStringSubmatch(path, -1) {
				found := false
				for _, p := range op.Parameters {
					found = found || p.Name == m[1] && p.In == "path" && p.Required && p.Schema != nil
				}
				if !found {
					t.Errorf("%s: parameter %s is not declared", where, m[1])
				}
			}
			if op.Responses["default"].Content[problemMedia].Schema["$ref"] != "#/components/schemas/Problem" {
				t.Errorf("%s: problems are not described", where)
			}
			if method == "post" && op.OperationID != "sign-in" && (!op.RequestBody.Required || op.RequestBody.Content["application/json"] == nil) {
				t.Errorf("%s: no body", where)
			}
			for status, r := range op.Responses {
				if r.Description == "" || status != "default" && status != "204" && len(r.Content) == 0 {
					t.Errorf("%s: %s is not described", where, status)
				}
				for media, c := range r.Content {
					checkBodySchema(t, where, media, c.Schema)
				}
			}
		}
	}
	checkReferences(t, raw, d)
}

// checkBodySchema wants what is no JSON to be a string, and binary only where it is no
// text: a client that is made from the description reads the body by it.
func checkBodySchema(t *testing.T, where, media string, schema map[string]any) {
	t.Helper()
	if strings.HasSuffix(media, "json") {
		return
	}
	want := "binary"
	if strings.HasPrefix(media, "text/") {
		want = ""
	}
	format, _ := schema["format"].(string)
	if schema["type"] != "string" || format != want {
		t.Errorf("%s: a body of %s is described as %v", where, media, schema)
	}
}

// checkReferences wants every reference to lead to a schema and every schema to
// be used: huma registers one of its own that no answer has.
func checkReferences(t *testing.T, raw []byte, d document) {
	t.Helper()
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`"\$ref": "([^"]+)"`).FindAllStringSubmatch(string(raw), -1) {
		name, ok := strings.CutPrefix(m[1], "#/components/schemas/")
		if !ok || d.Components.Schemas[name] == nil {
			t.Errorf("%s leads nowhere", m[1])
		}
		used[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		if !used[name] {
			t.Errorf("schema %s is not used", name)
		}
	}
	if strings.Contains(string(raw), "$schema") {
		t.Error("$schema in bodies")
	}
}

// The described release has what the stored ones have.
func TestReleaseSchemaFitsReleases(t *testing.T) {
	var d document
	if err := json.Unmarshal(description(t, "json"), &d); err != nil {
		t.Fatal(err)
	}
	var stored map[string]any
	if err := json.Unmarshal(readFile("testdata/release.json"), &stored); err != nil {
		t.Fatal(err)
	}
	fits(t, d, "Release", stored)
	group := stored["groups"].([]any)[0].(map[string]any)
	fits(t, d, "ReleasedGroup", group)
	measures := group["measures"].(map[string]any)
	fits(t, d, "ReleasedValue", measures["people"].(map[string]any))
	stays := measures["stays"].(map[string]any)
	fits(t, d, "ReleasedValue", stays)
	fits(t, d, "ReleasedPoint", stays["values"].([]any)[0].(map[string]any))
	fits(t, d, "Privacy", stored["privacy"].(map[string]any))
}

func fits(t *testing.T, d document, schema string, value map[string]any) {
	t.Helper()
	s := d.Components.Schemas[schema]
	properties, _ := s["properties"].(map[string]any)
	for name := range value {
		if properties[name] == nil {
			t.Errorf("%s does not describe %s", schema, name)
		}
	}
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := value[name.(string)]; !ok {
			t.Errorf("%s requires %s, which is not there", schema, name)
		}
	}
}

func TestTemplates(t *testing.T) {
	s, _ := server(t)
	var list TemplateList
	w := do(s.Handler(), "GET", "/v1/templates", "")
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list.Templates) < 8 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, e := range list.Templates {
		id, _, _ := strings.Cut(e.Template, "@")
		for _, ref := range []string{e.Template, id, e.Catalogue, strings.ReplaceAll(e.Template, "@", "%40")} {
			var got struct{ Template, Catalogue string }
			w := do(s.Handler(), "GET", "/v1/templates/"+ref, "")
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Template != e.Template || got.Catalogue != e.Catalogue {
				t.Errorf("%s: %d %+v", ref, w.Code, got)
			}
		}
	}
	for _, ref := range []string{"I33", "claim-severity@9.9.9", "%2e%2e", "%2F"} {
		problem(t, do(s.Handler(), "GET", "/v1/templates/"+ref, ""), "unknown-template", 404)
	}
	if w := do(s.Handler(), "GET", "/v1/budgets", ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"budgets":[{"scope":"city/2025","cap_rho":1.06,`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
