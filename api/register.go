package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"github.com/qunxiang/qunxiang/queries"
)

// Registrar writes the public register; *queries.Runner is one.
type Registrar interface {
	// Register is what everybody may know of what was asked.
	Register() *queries.Register
}

// About says who keeps a register and how a person reaches them. Every text may
// be empty: the page then says that it was not given.
type About struct {
	Authority string `json:"authority"`
	Contact   string `json:"contact"` // how to opt out, in the authority's words: an office, a telephone number
	URL       string `json:"url"`     // where that is explained
}

// RegisterPage is one page of the public register.
type RegisterPage struct {
	queries.Register
	About About `json:"about"`
	Page  int   `json:"page"`
	Pages int   `json:"pages"`
}

// registerEntries is how many entries a page has.
const registerEntries = 100

// PageOf cuts a page of the register, of 100 entries; 1 is the newest. A page that
// is not there has no entries.
func PageOf(r *queries.Register, about About, page int) *RegisterPage {
	out := &RegisterPage{Register: *r, About: about, Page: page, Pages: max(1, (len(r.Entries)+registerEntries-1)/registerEntries)}
	from := len(r.Entries)
	if page >= 1 && page <= out.Pages {
		from = (page - 1) * registerEntries
	}
	out.Entries = r.Entries[from:min(from+registerEntries, len(r.Entries))]
	return out
}

// registerAge is how old a register may be that is shown: it is written from the
// whole log, by whoever asks.
const registerAge = 5 * time.Second

func (s *Server) register() *queries.Register {
	r, _ := s.shown.Get(s.Now(), registerAge, func() (*queries.Register, error) { return s.Register.Register(), nil })
	return r
}

type registerInput struct {
	Page int `query:"page" minimum:"1" maximum:"1000000" default:"1" doc:"Of 100 entries each; 1 is the newest."`
}

type registerOutput struct {
	Cache string `header:"Cache-Control"`
	Body  *RegisterPage
}

// registerCache lets strangers' caches keep a page for a minute.
const registerCache = "public, max-age=60"

// routeRegister shows the register to everybody, where there is one.
func (s *Server) routeRegister() {
	if s.Register == nil {
		return
	}
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "register", Method: http.MethodGet, Path: "/v1/register", Tags: []string{"register"},
		Summary: "Tell everybody who asked what, for which purpose, and at what privacy cost", Metadata: map[string]any{public: true},
		Middlewares: huma.Middlewares{s.strangersOnly},
	}), func(_ context.Context, in *registerInput) (*registerOutput, error) {
		return &registerOutput{registerCache, PageOf(s.register(), s.About, in.Page)}, nil
	})
	s.echo.GET("/register", s.showRegister)
}

// strangersOnly holds everybody to what a stranger may ask: whoever reads what is
// public shows no credential.
func (s *Server) strangersOnly(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	if !s.strangers.allow(peer(c.Request())) {
		s.refuse(c, tooFast.problem())
		return
	}
	next(ctx)
}

func (s *Server) showRegister(c echo.Context) error {
	if !s.strangers.allow(peer(c.Request())) {
		return tooFast.problem()
	}
	page, err := strconv.Atoi(c.QueryParam("page"))
	if err != nil || page < 1 {
		page = 1
	}
	lang := pageLanguage(c.QueryParam("lang"), c.Request().Header.Get("Accept-Language"))
	text, err := registerHTML(PageOf(s.register(), s.About, page), lang, s.Console != nil)
	if err != nil {
		return internalError.problem()
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", registerPolicy)
	h.Set("Cache-Control", registerCache)
	h.Set("Vary", "Accept-Language")
	h.Set("Content-Language", lang)
	return c.HTMLBlob(http.StatusOK, text)
}
