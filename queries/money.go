package queries

import (
	"fmt"
	"strings"
)

// ErrNoMoney refuses a question whose every measure is an amount of money, asked
// of a source that holds none: its answers would be noise around zero.
// It is an ErrParameter too.
var ErrNoMoney = fmt.Errorf("%w: this source holds no money", ErrParameter)

// noMoney is the currency of a binding whose source holds no amounts.
const noMoney = "none"

// checkMoney refuses a question about money alone where the source holds none,
// before anything is charged, and marks the amounts among other measures.
func (q *Question) checkMoney(src Source) error {
	if src.Currency != noMoney {
		return nil
	}
	for _, m := range q.Job.Spec.Measures {
		if m.Unit == "fen" {
			q.noMoney = append(q.noMoney, m.Name)
		}
	}
	if n := len(q.noMoney); n > 0 && n == len(q.Job.Spec.Measures) {
		return fmt.Errorf("%w: %s", ErrNoMoney, strings.Join(q.noMoney, ", "))
	}
	return nil
}

// moneyNotes tell which measures mean nothing on a source without money.
func (q *Question) moneyNotes() []Text {
	if len(q.noMoney) == 0 {
		return nil
	}
	names := strings.Join(q.noMoney, ", ")
	return []Text{{
		EN: "This source holds no money: " + names + " and what is derived from it mean nothing here.",
		ZH: "本数据源不含金额：" + names + "及其派生结果在此无意义。",
	}}
}
