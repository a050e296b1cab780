package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"github.com/qunxiang/qunxiang/queries"
)

// TemplateList is the catalogue as clients see it.
type TemplateList struct {
	Templates []TemplateEntry `json:"templates"`
}

// TemplateEntry is a template in the list.
type TemplateEntry struct {
	Template  string       `json:"template" doc:"id@version"`
	Catalogue string       `json:"catalogue" doc:"Id in the catalogue, such as I3."`
	Digest    string       `json:"digest" doc:"SHA-256 that an approval binds."`
	Title     queries.Text `json:"title"`
	Audiences []string     `json:"audiences" doc:"Roles that may be granted it."`
	Purposes  []string     `json:"purposes"`
}

// ListTemplates is the body of GET /v1/templates.
func ListTemplates(c *queries.Catalog) TemplateList {
	out := TemplateList{Templates: []TemplateEntry{}}
	for _, t := range c.Templates() {
		out.Templates = append(out.Templates, TemplateEntry{t.Ref(), t.Catalogue, t.Digest(), t.Title, t.Audiences, t.Purposes})
	}
	return out
}

type templateListOutput struct{ Body TemplateList }

type templateInput struct {
	Ref string `path:"ref" maxLength:"200" doc:"Template id, id@version or catalogue id such as I3."`
}

type templateOutput struct{ Body queries.Description }

func (s *Server) routeTemplates() {
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "list-templates", Method: http.MethodGet, Path: "/v1/templates", Tags: []string{"templates"},
		Summary: "List the approved templates",
	}), func(context.Context, *struct{}) (*templateListOutput, error) {
		return &templateListOutput{ListTemplates(s.Catalog)}, nil
	})
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "get-template", Method: http.MethodGet, Path: "/v1/templates/{ref}", Tags: []string{"templates"},
		Summary: "Tell what a template takes and gives",
	}), func(_ context.Context, in *templateInput) (*templateOutput, error) {
		ref, err := url.PathUnescape(in.Ref)
		if err != nil {
			return nil, s.fail(unknownTemplate.problem())
		}
		t, err := s.Catalog.Find(ref)
		if err != nil {
			return nil, s.fail(err)
		}
		return &templateOutput{t.Describe()}, nil
	})
}
