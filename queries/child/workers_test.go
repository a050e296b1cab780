//go:build duckdb_arrow

package child_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/child"
)

// workers are what answers inside of a process, by the program's first argument.
func workers() map[string]func(child.Place) (queries.Answerer, error) {
	with := func(f func(context.Context, *queries.Order) (*dp.Table, error)) func(child.Place) (queries.Answerer, error) {
		return func(p child.Place) (queries.Answerer, error) { return acting{f}, nil }
	}
	return map[string]func(child.Place) (queries.Answerer, error){
		"engine": func(p child.Place) (queries.Answerer, error) {
			e, err := inDuckDB(p)
			return queries.InProcess(e), err
		},
		"engine-without-noise": func(p child.Place) (queries.Answerer, error) {
			e, err := inDuckDB(p)
			return silent{e}, err
		},
		"engine-allocates": with(func(context.Context, *queries.Order) (*dp.Table, error) {
			var all [][]byte
			for {
				b := make([]byte, 16<<20)
				for i := range b {
					b[i] = 1
				}
				if all = append(all, b); len(all) > 1<<20 {
					return nil, errNone
				}
			}
		}),
		"engine-hangs": with(func(context.Context, *queries.Order) (*dp.Table, error) {
			time.Sleep(time.Hour)
			return nil, errNone
		}),
		"engine-hangs-in-2016": func(p child.Place) (queries.Answerer, error) {
			e, err := inDuckDB(p)
			real := queries.InProcess(e)
			return acting{func(ctx context.Context, o *queries.Order) (*dp.Table, error) {
				if strings.HasPrefix(o.Parameters["window"], "2016") {
					time.Sleep(time.Hour)
				}
				return real.Answer(ctx, o)
			}}, err
		},
		"engine-panics": with(func(context.Context, *queries.Order) (*dp.Table, error) {
			fmt.Fprintln(os.Stderr, "canary-7391: a value of a row")
			panic("canary-7391: a value of a row")
		}),
		"engine-fails": with(func(context.Context, *queries.Order) (*dp.Table, error) {
			return nil, fmt.Errorf("canary-7391: a value of a row")
		}),
		"engine-other-shape": with(func(_ context.Context, o *queries.Order) (*dp.Table, error) {
			return &dp.Table{Groups: []dp.Group{{Keys: []string{"canary-7391"}}}}, nil
		}),
		"engine-escapes": func(p child.Place) (queries.Answerer, error) {
			return acting{func(_ context.Context, o *queries.Order) (*dp.Table, error) { return escape(p.Domain, o) }}, nil
		},
	}
}

// acting is a worker that does not look at data.
type acting struct {
	f func(context.Context, *queries.Order) (*dp.Table, error)
}

func (a acting) Answer(ctx context.Context, o *queries.Order) (*dp.Table, error) { return a.f(ctx, o) }
func (a acting) Check(context.Context, *queries.Order) error                     { return nil }

// silent releases exact totals: with noise of zero.
type silent struct{ queries.Engine }

func (s silent) Answer(ctx context.Context, o *queries.Order) (*dp.Table, error) {
	totals, err := s.Run(ctx, o.Job())
	if err != nil {
		return nil, err
	}
	return dptest.ReleaseExact(outside{}, totals, o.Plan()), nil
}

func (s silent) Check(ctx context.Context, o *queries.Order) error {
	return s.Engine.Check(ctx, o.Job())
}

// outside stands for a test where there is none.
type outside struct{ testing.TB }

func (outside) Helper()                   {}
func (outside) Fatalf(f string, a ...any) { fmt.Fprintf(os.Stderr, f+"\n", a...); os.Exit(98) }
