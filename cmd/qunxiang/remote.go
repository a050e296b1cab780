package main

import (
	"context"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries"
)

// remote asks a server.
type remote struct{ c *api.Client }

func newRemote(o api.ClientOptions) (asker, error) {
	c, err := api.NewClient(o)
	if err != nil {
		return nil, err
	}
	return &remote{c}, nil
}

func (r *remote) Estimate(ctx context.Context, req queries.Request) (*queries.Estimate, error) {
	return r.c.Estimate(ctx, req)
}

func (r *remote) Ask(ctx context.Context, req queries.Request, idempotency string) (queries.Ticket, error) {
	return r.c.Ask(ctx, req, idempotency)
}

func (r *remote) Wait(ctx context.Context, id string) (queries.Ticket, error) {
	return r.c.Wait(ctx, id)
}

func (r *remote) Answer(ctx context.Context, id, format string) ([]byte, error) {
	return r.c.Release(ctx, id, api.Format(format))
}

func (r *remote) Receipt(ctx context.Context, id string) ([]byte, error) { return r.c.Receipt(ctx, id) }

func (r *remote) Close() error { return nil }
