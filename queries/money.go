package queries

import (
	"fmt"
	"strconv"
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

// yuanUnit is the unit of parameters that people write in yuan. Inside they are fen.
const yuanUnit = "yuan"

// maxYuan bounds the limits of an amount, far under what overflows in fen.
const maxYuan = 1_000_000_000_000

// readYuan takes an amount such as 1500 or 66.50, and gives it in fen.
func (p *Parameter) readYuan(text string) (int64, error) {
	whole, decimals, point := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || point && (decimals == "" || len(decimals) > 2) || whole == "-0" {
		return 0, p.refuse("%q is no amount in yuan, with at most two decimals", text)
	}
	if n < p.Min || n > p.Max {
		return 0, p.refuse("%s is not within %d..%d yuan", text, p.Min, p.Max)
	}
	fen := 100 * n // no overflow: see maxYuan
	if point {
		rest, err := strconv.ParseUint((decimals + "0")[:2], 10, 8)
		if err != nil {
			return 0, p.refuse("%q is no amount in yuan, with at most two decimals", text)
		}
		fen += int64(rest)
	}
	if fen > 100*p.Max {
		return 0, p.refuse("%s is not within %d..%d yuan", text, p.Min, p.Max)
	}
	return fen, nil
}

// yuanText writes fen as yuan: without decimals where there are none.
func yuanText(fen int64) string {
	if fen%100 == 0 {
		return strconv.FormatInt(fen/100, 10)
	}
	return fmt.Sprintf("%d.%02d", fen/100, fen%100)
}
