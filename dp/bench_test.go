package dp

import (
	"math/rand/v2"
	"testing"
)

// benchBatch is persons with 20 rows each, clustered by person, 40 groups of
// which a person visits about spread.
func benchBatch(persons, spread int) *Batch {
	r := rand.New(rand.NewPCG(1, 2))
	b := &Batch{Values: make([][]int64, 1)}
	for p := range persons {
		var key [16]byte
		key[0], key[1], key[2] = byte(p), byte(p>>8), byte(p>>16)
		b.Keys = append(b.Keys, key)
		home := r.IntN(40)
		for range 20 {
			b.Person = append(b.Person, uint32(p))
			b.Group = append(b.Group, int32((home+r.IntN(spread))%40))
			b.Values[0] = append(b.Values[0], r.Int64N(500_000))
		}
	}
	return b
}

func benchSpec(l0, rows int) Spec {
	values := make([]string, 40)
	for i := range values {
		values[i] = string(rune('A' + i))
	}
	return Spec{
		L0: l0, K: 20, Keys: []Key{{Name: "region", Values: values}}, Columns: []string{"fee"},
		Measures: []Measure{{Name: "fee", Unit: "fen", Kind: KindSum, Column: "fee", RowHi: 2_000_000, Rows: rows, Hi: 20_000_000}},
		MaxRows:  100_000, MaxPeople: 2_000_000_000,
	}
}

// BenchmarkAddRange reports ns per row.
func BenchmarkAddRange(b *testing.B) {
	for _, c := range []struct {
		name             string
		l0, rows, spread int
	}{
		{"sum/one_group", 1, 0, 1},
		{"sum/L0=3_of_3", 3, 0, 3},
		{"sum/L0=1_of_3", 1, 0, 3},
		{"sum/rows<=6", 1, 6, 1},
		{"sum/L0=3_of_8_rows<=2", 3, 2, 8},
	} {
		b.Run(c.name, func(b *testing.B) {
			batch := benchBatch(50_000, c.spread)
			t, err := NewTotals(benchSpec(c.l0, c.rows))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := t.AddRange(batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch.Person)), "ns/row")
		})
	}
}
