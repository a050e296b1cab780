package queries_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
)

// orders are orders for every template in both variants, by its example.
func orders(t *testing.T) map[string]*queries.Order {
	t.Helper()
	out := map[string]*queries.Order{}
	c := catalog(t)
	for _, tpl := range c.Templates() {
		for _, coarse := range []bool{false, true} {
			o := &queries.Order{
				Template: tpl.Ref(), Coarse: coarse, Parameters: map[string]string{}, K: 20, Epoch: 17,
				Source: source, Want: dp.Want{Rho: 0.05}, Cap: dp.Cost{Rho: 1e12, Delta: 1e12},
			}
			for name, value := range tpl.Example {
				o.Parameters[name] = value
			}
			if err := c.Follow(o); err != nil {
				t.Errorf("%s: %v", tpl.Ref(), err)
				continue
			}
			name := tpl.Ref()
			if coarse {
				name += " coarse"
			}
			out[name] = o
		}
	}
	return out
}

// across is the order as another process has it.
func across(t *testing.T, o *queries.Order) *queries.Order {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	out := &queries.Order{}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Another process comes to the very job and plan, for every template.
func TestOrdersComeToTheSameElsewhere(t *testing.T) {
	other := catalog(t)
	for name, o := range orders(t) {
		got := across(t, o)
		if err := other.Follow(got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(o.Job(), got.Job()) || !reflect.DeepEqual(o.Plan(), got.Plan()) || o.Seal != got.Seal {
			t.Errorf("%s: another job or plan", name)
		}
	}
}

// An order in which anything was changed is refused.
func TestChangedOrdersAreRefused(t *testing.T) {
	other, all := catalog(t), orders(t)
	for name, o := range all {
		for what, change := range map[string]func(*queries.Order){
			"files":    func(o *queries.Order) { o.Files = o.Seal },
			"variant":  func(o *queries.Order) { o.Coarse = !o.Coarse },
			"snapshot": func(o *queries.Order) { o.Source.Snapshot = "other" },
			"rows":     func(o *queries.Order) { o.Source.MaxRows-- },
			"k":        func(o *queries.Order) { o.K = 5 },
			"epoch":    func(o *queries.Order) { o.Epoch++ },
			"cost":     func(o *queries.Order) { o.Want.Rho *= 1.1 },
			"delta":    func(o *queries.Order) { o.Cap.Rho /= 2 },
			"seal":     func(o *queries.Order) { o.Seal = "0" + o.Seal[1:] + "0" },
		} {
			got := across(t, o)
			change(got)
			if err := other.Follow(got); !errors.Is(err, queries.ErrOrder) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
	o := across(t, all["claim-severity@1.1.0"])
	o.Parameters["window"] = "2016-01-01..2016-12-31"
	if err := other.Follow(o); !errors.Is(err, queries.ErrOrder) {
		t.Errorf("another window: %v", err)
	}
}
