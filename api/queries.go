package api

import (
	"context"
	"net/http"
	"regexp"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/qunxiang/qunxiang/queries"
)

// requestID is the form of request ids; whatever else stands in a path is as
// unknown as an id that was never given.
var requestID = regexp.MustCompile(`^[A-Za-z0-9-]{1,80}$`)

// idempotencyKey is what an Idempotency-Key may be.
var idempotencyKey = regexp.MustCompile(`^[!-~]{1,128}$`)

type askInput struct {
	Key  string `header:"Idempotency-Key" doc:"1 to 128 visible ASCII characters of the client's choice. The same key and request give the same ticket and are charged once."`
	Body RequestBody
}

type ticketOutput struct {
	Location string `header:"Location" doc:"Where the state is told."`
	Body     queries.Ticket
}

type idInput struct {
	ID string `path:"id" doc:"Id of the request."`
}

const askText = "Charges the request and starts it; the answer is there at the due time, never earlier. " +
	"Where a stored release is at least as accurate it answers at once and nothing is charged: " +
	"then too the status is 202, with state `released` and `charged` false. " +
	"The answer is fetched from /v1/releases/{id} with the id of the ticket. " +
	"Without an Idempotency-Key, asking again still finds the running or stored answer and is not charged twice."

func (s *Server) routeQueries() {
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "ask", Method: http.MethodPost, Path: "/v1/queries", Tags: []string{"queries"},
		DefaultStatus: http.StatusAccepted, Summary: "Ask", Description: askText,
	}), s.ask)
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "get-query", Method: http.MethodGet, Path: "/v1/queries/{id}", Tags: []string{"queries"},
		Summary: "Tell where a request stands",
	}), func(ctx context.Context, in *idInput) (*ticketOutput, error) {
		t, err := s.status(ctx, in.ID)
		if err != nil {
			return nil, s.fail(err)
		}
		return answer(t), nil
	})
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "cancel-query", Method: http.MethodDelete, Path: "/v1/queries/{id}", Tags: []string{"queries"},
		DefaultStatus: http.StatusAccepted, Summary: "Cancel a request",
		Description: "Nobody waits for it any more. Its charge stays spent, so the run goes on: the answer appears at the due time and may then be asked for free.",
	}), s.cancel)
}

func (s *Server) ask(ctx context.Context, in *askInput) (*ticketOutput, error) {
	if in.Key != "" && !idempotencyKey.MatchString(in.Key) {
		return nil, s.fail(idempotency.because("It has 1 to 128 visible ASCII characters."))
	}
	r, err := in.Body.request()
	if err != nil {
		return nil, s.fail(err)
	}
	t, err := s.Runner.Ask(ctx, caller(ctx), r, in.Key)
	if err != nil {
		return nil, s.fail(err)
	}
	s.metrics.ticket(t.Charged)
	return answer(t), nil
}

func answer(t queries.Ticket) *ticketOutput {
	return &ticketOutput{Location: "/v1/queries/" + t.ID, Body: t}
}

func (s *Server) status(ctx context.Context, id string) (queries.Ticket, error) {
	if !requestID.MatchString(id) {
		return queries.Ticket{}, queries.ErrUnknownRequest
	}
	return s.Runner.Status(caller(ctx), id)
}

// cancel tells a request that is over from one that is not the caller's.
func (s *Server) cancel(ctx context.Context, in *idInput) (*ticketOutput, error) {
	t, err := s.status(ctx, in.ID)
	if err != nil {
		return nil, s.fail(err)
	}
	if t.State != queries.Running {
		return nil, s.fail(finished.problem())
	}
	if err := s.Runner.Cancel(caller(ctx), in.ID); err != nil {
		return nil, s.fail(err)
	}
	t.Cancelled = true
	return answer(t), nil
}

// early is the problem of fetching an answer before its slot.
func (s *Server) early(t queries.Ticket) error {
	p := notDue.problem()
	p.Due = &t.Due
	seconds := max(1, int(t.Due.Sub(s.Now()).Seconds()+1))
	return huma.ErrorWithHeaders(s.fail(p), http.Header{"Retry-After": {strconv.Itoa(seconds)}})
}
