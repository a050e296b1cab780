package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/qunxiang/qunxiang/queries"
)

// request is what the body asks, in the words of queries.
func (b RequestBody) request() (queries.Request, error) {
	r := queries.Request{
		Template: b.Template, Coarse: b.Coarse, Parameters: b.Parameters, Purpose: b.Purpose,
		Accuracy: b.Accuracy, PublicPeople: b.PublicPeople, AllowEmpty: b.AllowEmpty, Only: b.Only,
	}
	if b.Cost != nil {
		if *b.Cost == 0 { // which queries.Request takes for "not given"
			return r, fmt.Errorf("%w: a cost must be above 0", queries.ErrAccuracy)
		}
		r.Cost = *b.Cost
	}
	if b.MaxRho != nil {
		if *b.MaxRho == 0 { // which queries.Request takes for "not given"
			return r, fmt.Errorf("%w: max_rho must be above 0", queries.ErrAccuracy)
		}
		r.MaxRho = *b.MaxRho
	}
	return r, nil
}

// body is the other direction, for the client.
func body(r queries.Request) RequestBody {
	b := RequestBody{
		Template: r.Template, Coarse: r.Coarse, Parameters: r.Parameters, Purpose: r.Purpose,
		Accuracy: r.Accuracy, PublicPeople: r.PublicPeople, AllowEmpty: r.AllowEmpty, Only: r.Only,
	}
	if r.Cost != 0 {
		b.Cost = &r.Cost
	}
	if r.MaxRho != 0 {
		b.MaxRho = &r.MaxRho
	}
	return b
}

type estimateInput struct{ Body RequestBody }

type estimateOutput struct{ Body *queries.Estimate }

func (s *Server) routeEstimates() {
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "estimate", Method: http.MethodPost, Path: "/v1/estimates", Tags: []string{"queries"},
		Summary:     "Price a request and predict its error",
		Description: "Nothing is charged and no data is touched: cost and error follow from the template's bounds.",
	}), func(ctx context.Context, in *estimateInput) (*estimateOutput, error) {
		r, err := in.Body.request()
		if err != nil {
			return nil, s.fail(err)
		}
		e, err := s.Runner.Estimate(ctx, caller(ctx), r)
		if err != nil {
			return nil, s.fail(err)
		}
		return &estimateOutput{e}, nil
	})
}

type budgetsOutput struct {
	Body struct {
		Budgets []queries.ScopeShare `json:"budgets" doc:"What every scope that was ever charged has left."`
	}
}

func (s *Server) routeBudgets() {
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "list-budgets", Method: http.MethodGet, Path: "/v1/budgets", Tags: []string{"budgets"},
		Summary: "Tell what is left of the privacy budgets",
	}), func(context.Context, *struct{}) (*budgetsOutput, error) {
		out := &budgetsOutput{}
		out.Body.Budgets = s.Runner.Budgets()
		return out, nil
	})
}
