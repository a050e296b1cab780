package queries_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// A source that holds no money is not asked about money alone; where amounts
// stand among other measures, the answer says that they mean nothing.
func TestSourceWithoutMoney(t *testing.T) {
	t.Parallel()
	c, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	refused, noted := 0, 0
	for _, tpl := range c.Templates() {
		if len(tpl.Measures) == 0 { // people alone
			continue
		}
		mixed, days := *tpl, tpl.Measures[0] // the same with a measure in days besides
		days.Name, days.RowsName, days.Unit = "days_besides", "", "days"
		mixed.Measures = append(slices.Clone(tpl.Measures), days)
		for _, tpl := range []*queries.Template{tpl, &mixed} {
			with, err := c.Compile(tpl, true, tpl.Example, queries.Source{MaxRows: 20000, Currency: "CNY"})
			if err != nil {
				t.Fatalf("%s: %v", tpl.ID, err)
			}
			money := 0
			for _, m := range with.Job.Spec.Measures {
				if m.Unit == "fen" {
					money++
				}
			}
			q, err := c.Compile(tpl, true, tpl.Example, queries.Source{MaxRows: 20000, Currency: "none"})
			if all := money == len(with.Job.Spec.Measures); all != errors.Is(err, queries.ErrNoMoney) || (err != nil) != all {
				t.Errorf("%s: %d of %d measures are money: %v", tpl.ID, money, len(with.Job.Spec.Measures), err)
				continue
			}
			if err != nil {
				refused++
				continue
			}
			if with, told := q.Notes(), with.Notes(); (money > 0) != (len(with) > len(told)) {
				t.Errorf("%s: %d amounts, notes %q", tpl.ID, money, with)
			}
			if money > 0 {
				noted++
			}
		}
	}
	if refused == 0 || noted == 0 {
		t.Errorf("%d templates refused, %d noted", refused, noted)
	}
}
