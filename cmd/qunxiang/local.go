package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries"
)

// local asks in the domain itself, through the same Runner as a server.
type local struct {
	d  *domain
	as string
}

func newLocal(ctx context.Context, dir, as string, read bool) (asker, error) {
	m := writing
	if read {
		m = reading
	}
	d, err := openDomain(ctx, dir, m)
	if err != nil {
		return nil, err
	}
	if !read {
		if err := d.startEngine(); err != nil {
			d.Close()
			return nil, err
		}
	}
	return &local{d, as}, nil
}

func (l *local) Estimate(ctx context.Context, req queries.Request) (*queries.Estimate, error) {
	return l.d.runner.Estimate(ctx, l.as, req)
}

func (l *local) Ask(ctx context.Context, req queries.Request, idempotency string) (queries.Ticket, error) {
	return l.d.runner.Ask(ctx, l.as, req, idempotency)
}

func (l *local) Wait(ctx context.Context, id string) (queries.Ticket, error) {
	return l.d.runner.Wait(ctx, l.as, id)
}

func (l *local) Receipt(ctx context.Context, id string) ([]byte, error) {
	return l.d.runner.Receipt(ctx, l.as, id)
}

func (l *local) Close() error { return l.d.Close() }

func (l *local) Answer(_ context.Context, id, format string) ([]byte, error) {
	body, err := l.d.runner.Answer(l.as, id)
	if err != nil || format == "json" {
		return body, err
	}
	encode, ok := api.Format(format).Own()
	if !ok {
		encode, ok = encoders[api.Format(format)]
	}
	if !ok {
		return nil, &exitError{exitUsage, fmt.Errorf("format %q is not text, json, csv, arrow, parquet or xlsx", format)}
	}
	table, err := api.Table(body)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := encode(&out, table); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
