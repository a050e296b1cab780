package child_test

import (
	"context"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
)

func escape(context.Context, *queries.Order) (*dp.Table, error) { return nil, errNone }
