package dp

import "math"

// quantiles reads wanted quantiles off the noisy 16x16 tree: consistent counts
// (Hay, Rastogi, Miklau and Suciu 2010), their cumulative sum made monotone,
// linear within a bin. The interval of the p quantile holds every x whose
// estimated rank differs from p by no more than noise explains. If the noise
// leaves no people in the tree, the interval is [Lo, Hi].
func (m measure) quantiles(cells []int64, sigma float64) []Point {
	cum := cumulative(consistent(cells))
	total := cum[leaves]
	cum = monotone(cum)
	points := make([]Point, len(m.Probs))
	for i, p := range m.Probs {
		q := Point{At: label(p), Value: leaves / 2, Low: 0, High: leaves}
		if total > z95*sigma*math.Sqrt(rankVariance(leaves, 0)) {
			rank := func(b int) float64 { return cum[b] - p*total }
			q.Value = crossing(rank)
			q.Low = crossing(func(b int) float64 { return rank(b) + z95*sigma*math.Sqrt(rankVariance(b, p)) })
			// The last crossing of the lower band is the first of its mirror image.
			q.High = leaves - crossing(func(b int) float64 {
				return z95*sigma*math.Sqrt(rankVariance(leaves-b, p)) - rank(leaves-b)
			})
		}
		q.Value, q.Low, q.High = m.value(q.Value), m.value(math.Min(q.Low, q.Value)), m.value(math.Max(q.High, q.Value))
		points[i] = q
	}
	return points
}

// consistent returns the 256 leaf counts that best fit both levels by weighted
// least squares: a coarse bin is (16*own + sum of leaves)/17, and its leaves
// share what differs equally.
func consistent(cells []int64) []float64 {
	out := make([]float64, leaves)
	for v := range fanout {
		sum := 0.0
		for i := range fanout {
			out[v*fanout+i] = float64(cells[fanout+v*fanout+i])
			sum += out[v*fanout+i]
		}
		fitted := (fanout*float64(cells[v]) + sum) / (fanout + 1)
		for i := range fanout {
			out[v*fanout+i] += (fitted - sum) / fanout
		}
	}
	return out
}

// cumulative is the count below each of the 257 bin edges.
func cumulative(counts []float64) []float64 {
	out := make([]float64, len(counts)+1)
	for i, x := range counts {
		out[i+1] = out[i] + x
	}
	return out
}

// rankVariance is the variance of C_b - p*N for sigma = 1, where C_b is the
// consistent count below edge b and N the total. With b = 16j+i,
//
//	Var C_b = 16j/17 + i - i^2/17, Cov(C_b, N) = (16j+i)/17, Var N = 256/17.
func rankVariance(b int, p float64) float64 {
	j, i := float64(b/fanout), float64(b%fanout)
	own := (fanout*j)/(fanout+1) + i - i*i/(fanout+1)
	return own - 2*p*float64(b)/(fanout+1) + p*p*leaves/(fanout+1)
}

// crossing is the first place in [0, 256] where f, linear between edges, is at
// least 0; 256 if it never is.
func crossing(f func(b int) float64) float64 {
	last := f(0)
	if last >= 0 {
		return 0
	}
	for b := 1; b <= leaves; b++ {
		next := f(b)
		if next >= 0 {
			return float64(b-1) + last/(last-next)
		}
		last = next
	}
	return leaves
}

// monotone is the non-decreasing sequence nearest to x in least squares (pool
// adjacent violators).
func monotone(x []float64) []float64 {
	type block struct {
		sum float64
		n   int
	}
	blocks := make([]block, 0, len(x))
	for _, v := range x {
		b := block{v, 1}
		for len(blocks) > 0 {
			top := blocks[len(blocks)-1]
			if top.sum*float64(b.n) < b.sum*float64(top.n) {
				break
			}
			b = block{top.sum + b.sum, top.n + b.n}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	out := make([]float64, 0, len(x))
	for _, b := range blocks {
		for range b.n {
			out = append(out, b.sum/float64(b.n))
		}
	}
	return out
}
