package main

import (
	"fmt"
	"io"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// federatedBench is what bench federated was asked for.
type federatedBench struct {
	nodes, features, people, rounds, values int
	rho                                     float64
}

func (o federatedBench) run(log io.Writer) (*benchFederatedResult, error) {
	if o.values > 0 {
		return o.vector(log)
	}
	return o.fit(log)
}

// levels of a factor: six columns and a reference.
const benchLevels = 7

// factors is how many factors the columns hold; the rest are numbers.
func (o federatedBench) factors() int { return (o.features - 1) / (benchLevels - 1) }

// spec is a claim frequency by numbers on [-1, 1] and factors of equal levels.
func (o federatedBench) spec() glm.Spec {
	s := glm.Spec{
		Family: glm.Poisson, Response: glm.Response{Name: "claims", Lo: 0, Hi: 1000}, StartMean: 0.2, Rounds: o.rounds,
		Nodes: o.nodes, PeoplePerNode: int64(o.people), Rho: int64(o.rho * 1e12),
	}
	for i := range o.features - (benchLevels-1)*o.factors() {
		s.Features = append(s.Features, glm.Feature{Name: fmt.Sprint("number-", i), Lo: -1, Hi: 1})
	}
	for i := range o.factors() {
		f := glm.Feature{Name: fmt.Sprint("factor-", i)}
		for level := range benchLevels {
			f.Levels = append(f.Levels, glm.Level{Name: strconv.Itoa(level)})
		}
		s.Features = append(s.Features, f)
	}
	return s
}

// person is one synthetic insured person: the columns that are not zero, and claims.
type person struct {
	row glm.Row
	at  []int // columns
	x   []float64
}

// draw makes a node's people. Coefficients are of the size that tariffs have.
func (o federatedBench) draw(node int, spec glm.Spec) []person {
	random := rand.New(rand.NewPCG(uint64(node), 1))
	out := make([]person, o.people)
	for i := range out {
		p := person{row: glm.Row{Person: fmt.Sprint(node, ".", i)}, at: []int{0}, x: []float64{1}}
		eta, column := math.Log(0.18), 1
		for _, f := range spec.Features {
			if f.Levels == nil {
				v := 2*random.Float64() - 1
				p.row.Values = append(p.row.Values, glm.Value{Number: v})
				p.at, p.x = append(p.at, column), append(p.x, v)
				eta += benchTruth(column) * v
				column++
				continue
			}
			level := random.IntN(len(f.Levels))
			p.row.Values = append(p.row.Values, glm.Value{Level: f.Levels[level].Name})
			if level > 0 {
				p.at, p.x = append(p.at, column+level-1), append(p.x, 1)
				eta += benchTruth(column + level - 1)
			}
			column += len(f.Levels) - 1
		}
		for u, limit := random.Float64(), math.Exp(-math.Exp(eta)); u > limit; u *= random.Float64() {
			p.row.Response++
		}
		out[i] = p
	}
	return out
}

func benchTruth(column int) float64 { return []float64{0.2, -0.15, 0.1, -0.05}[column%4] }

// fit trains a model over the protocol, and compares it with the pooled fit.
func (o federatedBench) fit(log io.Writer) (*benchFederatedResult, error) {
	plan, err := glm.NewPlan(o.spec())
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(log, "making %d people at each of %d nodes\n", o.people, o.nodes)
	var people []person
	data := make([]*glm.Data, o.nodes)
	for i := range data {
		mine := o.draw(i, plan.Spec())
		rows := make([]glm.Row, len(mine))
		for k := range mine {
			rows[k] = mine[k].row
			mine[k].row.Values = nil
		}
		if data[i], err = plan.NewData(rows); err != nil {
			return nil, err
		}
		people = append(people, mine...)
	}
	b, noise, fit, err := o.train(log, plan, data)
	if err != nil {
		return nil, err
	}
	r := b.report(plan.Cells())
	r.NoiseMS = noise.Seconds() * 1000 / float64(o.rounds*o.nodes)
	r.Fit, err = compareFit(fit, people)
	if err == nil {
		r.Fit.Rho, r.PeakRSS = o.rho, peakMemory()
	}
	return r, err
}

func (o federatedBench) train(log io.Writer, plan *glm.Plan, data []*glm.Data) (b *sumBench, drawing time.Duration, fit *glm.Fit, err error) {
	params, err := secagg.GLM()
	if err != nil {
		return nil, 0, nil, err
	}
	if b, err = newSumBench(params, o.nodes); err != nil {
		return nil, 0, nil, err
	}
	beta, values := plan.Start(), make([][]int64, o.nodes)
	for r := range plan.Rounds() {
		for i := range data {
			sums, err := plan.Encode(data[i], r, beta)
			if err != nil {
				return nil, 0, nil, err
			}
			var noise *glm.Noise
			if err := clock(&drawing, func() error { noise, err = plan.DrawNoise(r); return err }); err != nil {
				return nil, 0, nil, err
			}
			if values[i], err = sums.Noisy(noise); err != nil {
				return nil, 0, nil, err
			}
		}
		sum, err := b.sum(values)
		if err != nil {
			return nil, 0, nil, err
		}
		fmt.Fprintf(log, "round %d of %d\n", r+1, plan.Rounds())
		if r == plan.Rounds()-1 {
			fit, err = plan.Fit(beta, sum)
			return b, drawing, fit, err
		}
		if beta, _, err = plan.Step(r, beta, sum); err != nil {
			return nil, 0, nil, err
		}
	}
	return b, drawing, fit, nil
}

// vector sums vectors whose noise hides one record of squared length 2^34.
func (o federatedBench) vector(log io.Writer) (*benchFederatedResult, error) {
	params, err := secagg.Vector()
	if err != nil {
		return nil, err
	}
	variance, err := dp.VarianceFor(new(big.Int).Lsh(big.NewInt(1), 34), int64(o.rho*1e12))
	if err != nil {
		return nil, err
	}
	shares, err := dp.NewNoiseShares(variance, o.nodes, 1)
	if err != nil {
		return nil, err
	}
	b, err := newSumBench(params, o.nodes)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(log, "drawing the noise of %d values at each of %d nodes\n", o.values, o.nodes)
	var drawing time.Duration
	random := rand.New(rand.NewPCG(1, 2))
	values, want := make([][]int64, o.nodes), make([]int64, o.values)
	for i := range values {
		values[i] = make([]int64, o.values)
		if err := clock(&drawing, func() error { return shares.Draw(values[i]) }); err != nil {
			return nil, err
		}
		for k := range values[i] {
			v := random.Int64N(1<<24) - 1<<23
			values[i][k] += v
			want[k] += v
		}
	}
	sum, err := b.sum(values)
	if err != nil {
		return nil, err
	}
	square := 0.0
	for k := range sum {
		square += math.Pow(float64(sum[k]-want[k]), 2)
	}
	planned, _ := new(big.Float).SetInt(shares.SumVariance()).Float64()
	r := b.report(o.values)
	r.NoiseMS, r.Addition = drawing.Seconds()*1000/float64(o.nodes), additionRatio(params, o.values)
	r.Noise = &sumNoise{o.rho, math.Sqrt(planned), math.Sqrt(square / float64(o.values))}
	r.PeakRSS = peakMemory()
	return r, nil
}
