package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

// endless waits until it is interrupted.
type endless struct{ asker }

func (endless) Wait(ctx context.Context, _ string) (queries.Ticket, error) {
	<-ctx.Done()
	return queries.Ticket{}, ctx.Err()
}

// Who interrupts a command that waits is told how to have what was charged.
func TestInterruptedSaysTheID(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := waitShown(ctx, endless{}, queries.Ticket{ID: "q-1", State: queries.Running}, io.Discard)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "query fetch q-1 ") {
		t.Errorf("%v", err)
	}
}
