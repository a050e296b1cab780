package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/qunxiang/qunxiang/queries"
)

// HistoryPage is one page of what was asked.
type HistoryPage struct {
	Queries []queries.Asked `json:"queries" doc:"Charged requests, newest first."`
	Page    int             `json:"page"`
	Pages   int             `json:"pages"`
}

// historyEntries is how many requests a page has.
const historyEntries = 100

type historyInput struct {
	Page int `query:"page" minimum:"1" maximum:"1000000" default:"1" doc:"Of 100 requests each; 1 is the newest."`
}

type historyOutput struct {
	Cache string `header:"Cache-Control"`
	Body  HistoryPage
}

func (s *Server) routeHistory() {
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "list-queries", Method: http.MethodGet, Path: "/v1/queries", Tags: []string{"queries"},
		Summary: "List what was asked and charged",
		Description: "The caller's own requests; for regulators and stewards those of everybody. " +
			"Answers that were given from store cost nothing and are not listed.",
	}), func(ctx context.Context, in *historyInput) (*historyOutput, error) {
		all := s.Runner.History(caller(ctx))
		out := &historyOutput{Cache: "no-store", Body: HistoryPage{
			Queries: []queries.Asked{}, Page: in.Page, Pages: max(1, (len(all)+historyEntries-1)/historyEntries),
		}}
		if in.Page <= out.Body.Pages {
			from := (in.Page - 1) * historyEntries
			out.Body.Queries = all[from:min(from+historyEntries, len(all))]
		}
		return out, nil
	})
}

// Keys are the public keys by which a client checks receipts.
type Keys struct {
	Population string   `json:"population" doc:"The log's name."`
	Policy     string   `json:"policy" doc:"Keys of the log and its witnesses, and the quorum: C2SP tlog-policy, as audit policy prints it."`
	Receipt    []string `json:"receipt" doc:"Ed25519 keys of receipts in hex, the one in force first; those before it have the leaf behind them that ended them."`
	ReceiptSM2 []string `json:"receipt_sm2" doc:"SM2 keys of receipts, the same way."`
}

type keysOutput struct {
	Cache string `header:"Cache-Control"`
	Body  *Keys
}

func (s *Server) routeKeys() {
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "get-keys", Method: http.MethodGet, Path: "/v1/keys", Tags: []string{"log"},
		Summary: "Fetch the keys that check receipts",
		Description: "For a client that pins keys when it first sees them. Who has them from the server alone trusts it that once: " +
			"compare them with what the authority hands over by another way.",
	}), func(context.Context, *struct{}) (*keysOutput, error) {
		k, err := s.Keys()
		if err != nil {
			return nil, s.fail(err)
		}
		return &keysOutput{Cache: "no-cache", Body: k}, nil
	})
}
