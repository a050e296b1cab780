package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// Events calls f with every state that the server tells of a request, until
// the stream ends, f returns false or ctx ends.
func (c *Client) Events(ctx context.Context, id string, f func(queries.Ticket) bool) error {
	h := http.Header{"Accept": {"text/event-stream"}}
	res, err := c.send(ctx, http.MethodGet, "/v1/queries/"+url.PathEscape(id)+"/events", h, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return readEvents(res.Body, f)
}

// readEvents reads the events named "state" of a stream (WHATWG HTML, section
// 9.2), each with its data in one line of at most 64 KiB.
func readEvents(r io.Reader, f func(queries.Ticket) bool) error {
	lines := bufio.NewScanner(r)
	name, data := "", ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if name == "state" {
				var t queries.Ticket
				if err := json.Unmarshal([]byte(data), &t); err != nil {
					return fmt.Errorf("reading an event: %w", err)
				}
				if !f(t) {
					return nil
				}
			}
			name, data = "", ""
		case field == "event":
			name = value
		case field == "data":
			data = value
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	return nil
}

// maxBroken is how many event streams in a row may bring nothing before Wait
// gives up: some 20 seconds.
const maxBroken = 10

// Wait returns when a request is released or abandoned. A stream that breaks
// off is opened again; a problem, such as an unknown id, is returned, and so is
// what keeps a server from answering for 20 seconds.
func (c *Client) Wait(ctx context.Context, id string) (queries.Ticket, error) {
	var last queries.Ticket
	broken := 0
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		broken++
		err := c.Events(ctx, id, func(t queries.Ticket) bool {
			last, broken = t, 0
			return !over(t)
		})
		var p *Problem
		switch {
		case ctx.Err() != nil:
			return last, ctx.Err()
		case last.ID != "" && over(last):
			return last, nil
		case errors.As(err, &p) && p.Status < http.StatusInternalServerError && p.Status != http.StatusTooManyRequests:
			return last, err
		case err != nil && broken >= maxBroken:
			return last, err
		}
		if err := sleep(ctx, pause); err != nil {
			return last, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
