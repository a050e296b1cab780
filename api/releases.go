package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/qunxiang/qunxiang/queries"
)

type releaseInput struct {
	ID     string `path:"id" doc:"Id of the request, with .json, .csv, .arrow, .parquet or .xlsx behind it in place of Accept."`
	Accept string `header:"Accept" hidden:"true"`
	Match  string `header:"If-None-Match" doc:"ETag of a copy the client has."`
}

type releaseOutput struct {
	Status      int
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag" doc:"SHA-256 of the stored bytes, in hex, and the format unless it is JSON."`
	Digest      string `header:"Repr-Digest" doc:"SHA-256 of this representation (RFC 9530)."`
	Cache       string `header:"Cache-Control"`
	Vary        string `header:"Vary"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

const releaseText = "As JSON, exactly the bytes that were stored, hashed and logged, whoever asks. " +
	"CSV, Arrow, Parquet and XLSX have one row per group, and below it one per axis position where a measure has an axis: " +
	"then `at` names the position and the row holds the measures of that axis. Each measure has columns _value, _low and _high. " +
	"A release with a synthetic population is its rows instead; the tables they come from are in the JSON. " +
	"XLSX has a cover before it: the question, its privacy, what the numbers mean, and the release's id and digest. " +
	"In CSV the unit stands in brackets behind the column's name, and text that a spreadsheet would run has an apostrophe in front; " +
	"Excel takes bands such as 5-9 for dates unless the column is imported as text."

func (s *Server) routeReleases() {
	content := map[string]*huma.MediaType{media[JSON]: {Schema: s.releaseSchema()}}
	for _, f := range formats[1:] {
		content[media[f]] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "get-release", Method: http.MethodGet, Path: "/v1/releases/{id}", Tags: []string{"releases"},
		Summary: "Fetch an answer", Description: releaseText,
		Responses: map[string]*huma.Response{"200": {Description: "The release.", Content: content}},
	}), s.release)
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "get-receipt", Method: http.MethodGet, Path: "/v1/releases/{id}/receipt", Tags: []string{"releases"},
		Summary:     "Fetch the receipt of an answer",
		Description: "The signed statement and the proof that the release is in the log.",
		Responses: map[string]*huma.Response{"200": {
			Description: "The receipt.",
			Content:     map[string]*huma.MediaType{media[JSON]: {Schema: &huma.Schema{Type: huma.TypeObject}}},
		}},
	}), func(ctx context.Context, in *idInput) (*receiptOutput, error) {
		if !requestID.MatchString(in.ID) {
			return nil, s.fail(queries.ErrUnknownRequest)
		}
		b, err := s.Runner.Receipt(ctx, caller(ctx), in.ID)
		if err != nil {
			return nil, s.notYet(ctx, in.ID, err)
		}
		return &receiptOutput{ContentType: media[JSON], Body: b}, nil
	})
}

type receiptOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Server) release(ctx context.Context, in *releaseInput) (*releaseOutput, error) {
	id, extension, dotted := strings.Cut(in.ID, ".")
	if !requestID.MatchString(id) || dotted && extension == "" {
		return nil, s.fail(queries.ErrUnknownRequest)
	}
	format, err := pickFormat(extension, in.Accept)
	if err != nil {
		return nil, s.fail(err)
	}
	stored, err := s.Runner.Answer(caller(ctx), id)
	if err != nil {
		return nil, s.notYet(ctx, id, err)
	}
	out := &releaseOutput{Status: http.StatusOK, ETag: etag(stored, format), Cache: "private, no-cache", Vary: "Accept, Authorization"}
	if matches(in.Match, out.ETag) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	if out.Body, err = s.encode(stored, format); err != nil {
		return nil, s.fail(err)
	}
	sum := sha256.Sum256(out.Body)
	out.Digest = "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	out.ContentType = format.contentType()
	if format != JSON {
		out.Disposition = `attachment; filename="` + id + "." + string(format) + `"`
	}
	return out, nil
}

// etag names a representation: the SHA-256 of the stored bytes, with the format
// behind it unless it is those bytes themselves.
func etag(stored []byte, f Format) string {
	sum := sha256.Sum256(stored)
	tag := hex.EncodeToString(sum[:])
	if f != JSON {
		tag += "-" + string(f)
	}
	return `"` + tag + `"`
}

// matches says whether an If-None-Match header names the tag.
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(part), "W/") == tag {
			return true
		}
	}
	return false
}

// encode gives the stored bytes in a format. Everything is made before the
// first byte is sent, so that a failure is a problem and not half a table.
func (s *Server) encode(stored []byte, f Format) ([]byte, error) {
	if f == JSON {
		return stored, nil
	}
	encoder, ok := f.Own()
	if !ok {
		encoder = s.Encoders[f]
	}
	if encoder == nil {
		return nil, errNotAcceptable
	}
	t, err := Table(stored)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := encoder(&b, t); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// notYet tells the caller of a request that is still running when it is due.
func (s *Server) notYet(ctx context.Context, id string, err error) error {
	if errors.Is(err, queries.ErrUnknownRequest) {
		if t, err := s.Runner.Status(caller(ctx), id); err == nil && !over(t) {
			return s.early(t)
		}
	}
	return s.fail(err)
}
