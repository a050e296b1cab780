// Package dp turns contributions of persons into noisy tables, and is the only
// place where noise is drawn. Private totals go in, tables with intervals come
// out, and nothing in between is readable.
//
// The way of a question:
//
//	plan, err := dp.Price(spec, want, rule) // from public bounds alone
//	totals, err := dp.NewTotals(spec)       // then Fork one per worker
//	err = totals.AddRange(batch)            // bounds every person's part
//	table, err := dp.Release(totals, plan)  // threshold, noise, intervals; once
//
// Neighbours are add/remove of one person. Every measure compiles to one to three
// channels, vectors of int64 cells per group, and a channel costs
//
//	rho = L0 * delta2 / (2 sigma^2)
//
// of zero-concentrated differential privacy (Bun and Steinke 2016), where delta2
// is the squared L2 distance one person can make in one group and sigma is what
// the library's SigmaForGaussian returned. Costs add up in integers.
//
// Per group of a person (r is Measure.Rows, A is Measure.MaxPositions, Linf is
// max(|Lo|, |Hi|)):
//
//	people              1             sum         Linf^2
//	rows                r^2           mean        Linf^2 and r^2
//	histogram           r^2           quantiles   2
//	series              A * Linf^2    survival    1
//	vector              Hi^2          spread      Linf^2, r^2 and Hi2^2
//	marginals of d attributes: d (one-way tables), d(d-1)/2 (scores), d-1 (chosen pairs)
//
// Marginals choose pairs by noisy scores, of which each person moves every one by
// at most 1, given the noisy one-way tables; the rest of the way to a synthetic
// population sees only noisy numbers.
//
// Intervals are 95 % and are for noise: they bracket the value of the bounded
// data. Survival and incidence bands also carry the sampling variance.
//
// The noise library logs through glog, which registers flags on the standard
// FlagSet and writes files to the temporary directory when something is logged.
// Nothing this package calls logs, short of the system running out of
// randomness; a program should still set the flag logtostderr to be certain.
package dp
