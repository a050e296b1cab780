package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/qunxiang/qunxiang/queries"
)

// writeTimeout is how long one event may take to be taken by the client.
const writeTimeout = 5 * time.Second

// streams counts the open event streams of each principal.
type streams struct {
	mu   sync.Mutex
	open map[string]int
}

func (s *streams) enter(principal string, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[principal] >= most {
		return false
	}
	s.open[principal]++
	return true
}

func (s *streams) leave(principal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[principal]--; s.open[principal] == 0 {
		delete(s.open, principal)
	}
}

type eventsInput struct {
	ID   string `path:"id" doc:"Id of the request."`
	Last string `header:"Last-Event-ID" doc:"Id of the last event seen: the state."`
}

const eventsText = "Server-sent events named `state`, each with the ticket as data and the state as id: " +
	"the present state at once, then `released` or `abandoned` at the due time, after which the stream ends. " +
	"Progress is never told, because it depends on the data. Comments keep the connection alive. " +
	"The stream ends early where the credential that opened it is no longer accepted, at the next comment or event. " +
	"With Last-Event-ID `released` or `abandoned` the answer is 204, at which browsers stop asking."

func (s *Server) routeEvents() {
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "query-events", Method: http.MethodGet, Path: "/v1/queries/{id}/events", Tags: []string{"queries"},
		Summary: "Be told when the state changes", Description: eventsText,
		Metadata: map[string]any{streaming: true},
		Responses: map[string]*huma.Response{"200": {
			Description: "A stream of events whose data are tickets, as JSON.",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}), s.events)
}

func (s *Server) events(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	t, err := s.status(ctx, in.ID)
	if err != nil {
		return nil, s.fail(err)
	}
	if in.Last == string(t.State) && over(t) {
		return &huma.StreamResponse{Body: func(c huma.Context) { c.SetStatus(http.StatusNoContent) }}, nil
	}
	principal := caller(ctx)
	if !s.streams.enter(principal, s.MaxStreams) {
		return nil, s.fail(tooMany.problem())
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer s.streams.leave(principal)
		w := humaecho.Unwrap(c).Response()
		w.Header().Set("Content-Type", "text/event-stream")
		e := &eventWriter{w: w, c: http.NewResponseController(w)}
		r := humaecho.Unwrap(c).Request()
		s.stream(c.Context(), e, principal, t, func() bool { return s.holds(r, principal) })
	}}, nil
}

func over(t queries.Ticket) bool { return t.State != queries.Running }

// stream sends the present state, and waits for the last one unless that was it. It ends
// without it where holds no longer says that the principal would be let in.
func (s *Server) stream(ctx context.Context, e *eventWriter, principal string, t queries.Ticket, holds func() bool) {
	e.send("retry: 2000\n\n")
	e.state(t)
	if over(t) {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	last := make(chan queries.Ticket, 1)
	go func() {
		defer close(last)
		if t, err := s.Runner.Wait(ctx, principal, t.ID); err == nil {
			last <- t
		}
	}()
	defer func() {
		cancel()
		for range last { // until Wait has returned
		}
	}()
	beat := time.NewTicker(s.Heartbeat)
	defer beat.Stop()
	for e.err == nil {
		select {
		case t, ok := <-last:
			if ok && holds() {
				e.state(t)
			}
			return
		case <-beat.C:
			if !holds() {
				return
			}
			e.send(": waiting\n\n")
		case <-s.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// eventWriter writes events, each with a deadline of its own, until one fails.
type eventWriter struct {
	w   http.ResponseWriter
	c   *http.ResponseController
	err error
}

func (e *eventWriter) state(t queries.Ticket) {
	data, _ := json.Marshal(t) // has no kind of field that could fail
	e.send(fmt.Sprintf("event: state\nid: %s\ndata: %s\n\n", t.State, data))
}

func (e *eventWriter) send(text string) {
	if e.err != nil {
		return
	}
	// A writer that knows no deadlines has none to move.
	_ = e.c.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, e.err = e.w.Write([]byte(text)); e.err == nil {
		e.err = e.c.Flush()
	}
}
