package queries

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// Equal values have one text however they are written, and whatever is wrong is
// said of the parameter by name.
func TestParameterForms(t *testing.T) {
	window := Parameter{Name: "window", Type: "window", Max: 1096}
	steps := Parameter{Name: "steps", Type: "code_lists", Max: 3, Ordered: true, Lists: []string{"a", "b", "c", "d"}}
	classes := Parameter{Name: "classes", Type: "code_lists", Max: 2, Lists: []string{"a", "b", "c"}}
	strata := Parameter{Name: "strata", Type: "strata", Max: 2, Values: []string{"sex", "age", "level"}}
	two := strata
	two.Min = 2
	premium := Parameter{Name: "premium", Type: "amounts", Count: 3, Min: 0, Max: 1000}
	grid := Parameter{Name: "grid", Type: "layers", Min: 0, Max: 1_000_000}
	event := Parameter{Name: "event", Type: "date"}
	limit := Parameter{Name: "cap", Type: "integer", Min: 10, Max: 300_000, Unit: "yuan"}
	fees := Parameter{Name: "fees", Type: "amounts", Count: 2, Min: 0, Max: 1000, Unit: "yuan"}
	excess := Parameter{Name: "excess", Type: "layers", Min: 0, Max: 10_000, Unit: "yuan"}
	region := Parameter{Name: "region", Type: "enums", Values: []string{"any", "11", "12"}}
	for _, c := range []struct {
		p           Parameter
		text, gives string // gives begins with "!" for what a refusal says
	}{
		{window, "2017-01-01..2017-12-31", "2017-01-01..2017-12-31"},
		{window, "2017", "2017-01-01..2017-12-31"},
		{window, "2016-02..2016-02", "2016-02-01..2016-02-29"},
		{window, "2017/01/01 .. 20171231", "2017-01-01..2017-12-31"},
		{window, "2017-06-01", "2017-06-01..2017-06-01"},
		{window, "2018..2017", "!ends before"},
		{window, "2014..2018", "!days are more than"},
		{window, "2017-02-30..2017-03-01", "!is not a window"},
		{window, "20170101x..2017", "!is not a window"},
		{steps, "a,c", "a,c"},
		{steps, "c,a", "!steps out of order"},
		{steps, "a,a", "!given twice"},
		{steps, "a,b,c,d", "!4 lists are more than 3"},
		{steps, "a,x", "!\"x\" is not one of"},
		{steps, "", "!\"\" is not one of"},
		{classes, "c, a", "a,c"},
		{strata, "none", "none"},
		{strata, "sex,age", "age,sex"},
		{strata, "sex,age,level", "!3 strata are more than 2"},
		{strata, "inst_key", "!is not one of"},
		{two, "level,age", "age,level"},
		{two, "age", "!fewer than 2"},
		{two, "age,age", "!fewer than 2"},
		{two, "none", "!is not one of"},
		{premium, "1, 002,3", "1,2,3"},
		{premium, "1,2", "!2 numbers, where 3 are needed"},
		{premium, "1,2,1001", "!not within"},
		{premium, "1,2,x", "!not a whole number"},
		{grid, "100xs50,50xs0", "50xs0,100xs50"},
		{grid, "100xs50, 100xs50", "100xs50"},
		{grid, "0xs50", "!covers more than 0"},
		{grid, "50", "!is not a layer"},
		{grid, "50xs2000000", "!not within"},
		{limit, "15000", "15000"},
		{limit, " 66.5", "66.50"},
		{limit, "66.05", "66.05"},
		{limit, "66.00", "66"},
		{limit, "300000.01", "!not within 10..300000 yuan"},
		{limit, "9.99", "!not within 10..300000 yuan"},
		{limit, "66.505", "!at most two decimals"},
		{limit, "66.", "!at most two decimals"},
		{limit, "66.-5", "!at most two decimals"},
		{limit, "-0.5", "!at most two decimals"},
		{limit, "1e5", "!at most two decimals"},
		{fees, "50, 0.5", "50,0.50"},
		{fees, "50,-1", "!not within"},
		{excess, "100.5xs50,50xs0.10", "50xs0.10,100.50xs50"},
		{region, "12,11", "11,12"},
		{region, "12,any", "any"},
		{event, "20170701", "2017-07-01"},
		{event, "2017-07", "!is not a day"},
	} {
		v, err := c.p.read(c.text)
		if says, refused := strings.CutPrefix(c.gives, "!"); refused {
			if !errors.Is(err, ErrParameter) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), c.p.Name) {
				t.Errorf("%s %q: %v, want %q", c.p.Name, c.text, err, says)
			}
			continue
		}
		if err != nil || v.Text != c.gives {
			t.Errorf("%s %q: %q %v, want %q", c.p.Name, c.text, v.Text, err, c.gives)
			continue
		}
		again, err := c.p.read(v.Text)
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Errorf("%s %q: its canonical text reads as %+v (%v), not %+v", c.p.Name, c.text, again, err, v)
		}
	}
	if v, err := limit.read("66.5"); err != nil || v.Int != 6650 {
		t.Errorf("66.5 yuan are %d fen, %v", v.Int, err)
	}
	if v, err := excess.read("100.5xs50,50xs0.10"); err != nil || !reflect.DeepEqual(v.Above, []int64{10, 5000}) || !reflect.DeepEqual(v.Ints, []int64{5000, 10_050}) {
		t.Errorf("layers in yuan: %+v %v", v, err)
	}
	v, err := grid.read("100xs50,50xs0")
	if err != nil || !reflect.DeepEqual(v.Above, []int64{0, 50}) || !reflect.DeepEqual(v.Ints, []int64{50, 100}) {
		t.Errorf("layers: %+v %v", v, err)
	}
}
