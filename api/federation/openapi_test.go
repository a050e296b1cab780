package federation

import (
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/qunxiang/qunxiang/api"
)

// described is what the tests read of the description.
type described struct {
	OpenAPI string
	Paths   map[string]map[string]any
	Comp    struct {
		Schemas map[string]struct {
			Required   []string
			Properties map[string]any
		}
	} `yaml:"components"`
}

func description(t *testing.T) (d described, whole map[string]any) {
	t.Helper()
	must(t, yaml.Unmarshal(openAPI, &d))
	must(t, yaml.Unmarshal(openAPI, &whole))
	return d, whole
}

// Every route is described, with its parameters and problems, and nothing else is.
func TestEveryRouteIsDescribed(t *testing.T) {
	d, _ := description(t)
	if !strings.HasPrefix(d.OpenAPI, "3.1.") {
		t.Errorf("version %q", d.OpenAPI)
	}
	braced := regexp.MustCompile(`\{(\w+)\}`)
	left := map[string]bool{}
	ids := map[any]bool{}
	for path, item := range d.Paths {
		for method, op := range item {
			if method == "parameters" {
				continue
			}
			left[strings.ToUpper(method)+" "+strings.TrimPrefix(path, "/")] = true
			o, _ := op.(map[string]any)
			responses, _ := o["responses"].(map[string]any)
			if o["operationId"] == nil || ids[o["operationId"]] || o["summary"] == nil || o["security"] == nil || responses["default"] == nil || len(responses) < 2 {
				t.Errorf("%s %s: %v", method, path, o)
			}
			ids[o["operationId"]] = true
			if method == "post" && o["requestBody"] == nil {
				t.Errorf("%s %s has no body", method, path)
			}
		}
		if p, _ := item["parameters"].([]any); len(p) != len(braced.FindAllString(path, -1)) {
			t.Errorf("%s declares %d parameters", path, len(p))
		}
	}
	for route := range (&Handler{}).served() {
		if !left[route] {
			t.Errorf("%s is not described", route)
		}
		delete(left, route)
	}
	for route := range left {
		t.Errorf("%s is described and not served", route)
	}
}

// The described bodies have the fields of the types that are sent.
func TestDescribedTypes(t *testing.T) {
	d, whole := description(t)
	for name, of := range map[string]reflect.Type{
		"JobStatus": reflect.TypeFor[JobStatus](), "Enrolment": reflect.TypeFor[Enrolment](), "EnrolmentState": reflect.TypeFor[EnrolmentState](), "Approval": reflect.TypeFor[approval](),
	} {
		s := d.Comp.Schemas[name]
		needed := map[string]bool{}
		for _, r := range s.Required {
			needed[r] = true
		}
		for i := range of.NumField() {
			field, options, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if s.Properties[field] == nil || needed[field] != (options == "") {
				t.Errorf("%s: %s is described %v, as needed %v", name, field, s.Properties[field] != nil, needed[field])
			}
		}
		if len(s.Properties) != of.NumField() {
			t.Errorf("%s has %d fields, %d are described", name, of.NumField(), len(s.Properties))
		}
	}
	for field := range d.Comp.Schemas["Problem"].Properties {
		if !strings.Contains(allTags(reflect.TypeFor[api.Problem]()), `"`+field) {
			t.Errorf("no problem has %s", field)
		}
	}
	for _, m := range regexp.MustCompile(`\$ref: "#/([^"]+)"`).FindAllStringSubmatch(string(openAPI), -1) {
		at := any(whole)
		for _, step := range strings.Split(m[1], "/") {
			next, _ := at.(map[string]any)
			at = next[step]
		}
		if at == nil {
			t.Errorf("%s leads nowhere", m[1])
		}
	}
}

func allTags(of reflect.Type) (all string) {
	for i := range of.NumField() {
		all += string(of.Field(i).Tag)
	}
	return all
}

// Anybody may read it, and it says nothing of jobs or nodes.
func TestDescriptionIsServed(t *testing.T) {
	w := newWorld(t)
	w.job()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+w.addr+"/openapi.yaml", nil)
	must(t, err)
	res, err := w.client(nil).http.Do(r)
	must(t, err)
	b, err := io.ReadAll(res.Body)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusOK || string(b) != string(openAPI) || res.Header.Get("Content-Type") != "application/openapi+yaml" {
		t.Errorf("%d %q", res.StatusCode, b)
	}
}
