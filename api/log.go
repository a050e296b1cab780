package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Log is the published log.
type Log interface {
	// Checkpoint is the newest one. Every principal may have it: whoever keeps one sees
	// later whether the log was rewritten.
	Checkpoint() []byte
	// Tile is a tile of C2SP tlog-tiles, or with L = -1 an entry bundle. The error is a
	// *policy.Refusal for a principal who may not read the log, and ledger.ErrUnknown for
	// what is not under the checkpoint.
	Tile(principal string, t tlog.Tile) ([]byte, error)
	// Handover is the n-th checkpoint, from 1, under which a key of the log handed over to
	// the next, with the KEY leaf and its proof. Its errors are those of Tile.
	Handover(principal string, n int) ([]byte, error)
}

const logText = "C2SP tlog-tiles: `tile/<L>/<N>` and `tile/entries/<N>`, each with `.p/<W>` behind it while it is not full. " +
	"N has three digits to a path segment, all but the last after an x. Leaves name organisations: the tiles are for regulators and stewards."

// noTile is a place of the log that is not there, or not yet.
var noTile = kind{"unknown-tile", http.StatusNotFound, "Not in the published log", ""}

// Caching: a full tile never changes; a tile that is not full never does either under its
// own name, but is soon of no use.
const (
	keepForever = "private, max-age=31536000, immutable"
	keepBriefly = "private, max-age=600, immutable"
	keepNever   = "private, no-cache"
)

type logOutput struct {
	ContentType string `header:"Content-Type"`
	Cache       string `header:"Cache-Control"`
	Body        []byte
}

// tileInput is where in the log somebody looks.
type tileInput struct{ path string }

// Resolve takes the whole path: a tile's number has as many segments as it needs.
func (in *tileInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.path = u.EscapedPath()
	return nil
}

var _ huma.Resolver = (*tileInput)(nil)

func (s *Server) routeLog() {
	const text, bytes = "text/plain; charset=utf-8", "application/octet-stream"
	answers := func(media string) map[string]*huma.Response {
		schema := &huma.Schema{Type: huma.TypeString}
		if media == bytes {
			schema.Format = "binary"
		}
		return map[string]*huma.Response{"200": {Description: "As C2SP tlog-tiles has it.", Content: map[string]*huma.MediaType{media: {Schema: schema}}}}
	}
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "get-checkpoint", Method: http.MethodGet, Path: "/v1/log/checkpoint", Tags: []string{"log"},
		Summary: "Fetch the newest checkpoint", Description: "C2SP tlog-checkpoint, a signed note. Keep one: a log that is rewritten later contradicts it.",
		Responses: answers(text),
	}), func(context.Context, *struct{}) (*logOutput, error) {
		return &logOutput{text, keepNever, s.Published.Checkpoint()}, nil
	})
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "get-handover", Method: http.MethodGet, Path: "/v1/log/handover-{n}", Tags: []string{"log"},
		Summary: "Fetch the checkpoint under which a key of the log handed over to the next", Responses: answers(text),
		Description: "C2SP tlog-proof of the KEY leaf, under the last checkpoint by the key before: whoever pinned that one learns the new one from it. They count from 1.",
	}), func(ctx context.Context, in *struct {
		N int `path:"n" minimum:"1" doc:"Which, from 1."`
	}) (*logOutput, error) {
		b, err := s.Published.Handover(caller(ctx), in.N)
		if errors.Is(err, ledger.ErrUnknown) {
			return nil, s.fail(noTile.problem())
		}
		if err != nil {
			return nil, s.fail(err)
		}
		return &logOutput{text, keepBriefly, b}, nil
	})
	const prefix = "/v1/log/tile/"
	path := prefix + "{level}/{number}"
	segment := func(name, what string) *huma.Param {
		return &huma.Param{Name: name, In: "path", Required: true, Description: what, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	for depth := range 6 {
		o := huma.Operation{
			OperationID: "get-tile", Method: http.MethodGet, Path: path, Tags: []string{"log"},
			Summary: "Fetch a tile or an entry bundle", Description: logText, Responses: answers(bytes), Hidden: depth > 0,
			Parameters: []*huma.Param{segment("level", "The level, or `entries`."), segment("number", "The number, with as many segments as it needs.")},
		}
		huma.Register(s.huma, s.operation(o), func(ctx context.Context, in *tileInput) (*logOutput, error) {
			t, ok := tileOf(strings.TrimPrefix(in.path, prefix))
			if !ok {
				return nil, s.fail(noTile.problem())
			}
			b, err := s.Published.Tile(caller(ctx), t)
			if errors.Is(err, ledger.ErrUnknown) {
				return nil, s.fail(noTile.problem())
			}
			if err != nil {
				return nil, s.fail(err)
			}
			if t.W < 1<<t.H {
				return &logOutput{bytes, keepBriefly, b}, nil
			}
			return &logOutput{bytes, keepForever, b}, nil
		})
		path += "/{segment" + string(rune('a'+depth)) + "}"
	}
}

// tileOf reads a tile's name in its one spelling: package tlog has the height in it, and
// calls entries data.
func tileOf(name string) (tlog.Tile, bool) {
	if rest, entries := strings.CutPrefix(name, "entries/"); entries {
		name = "data/" + rest
	} else if strings.HasPrefix(name, "data/") {
		return tlog.Tile{}, false
	}
	t, err := tlog.ParseTilePath("tile/8/" + name)
	return t, err == nil
}
