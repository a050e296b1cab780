package dp

import "math"

// fate is one position of a competing-risks estimate: the share free of either
// event, and the share that has had event 1.
type fate struct {
	survival, incidence step
}

// aalenJohansen estimates survival free of either event and the cumulative
// incidence of event 1 (Aalen and Johansen 1978) from cells 3j (censored at j),
// 3j+1 (event) and 3j+2 (competing event), whose noise has deviation sigma. At
// risk at j is everyone with position j or later; the estimate ends where fewer
// are at risk than k and three deviations of that very number, as a Kaplan-Meier
// curve does. The noise is carried through by derivatives after every cell. The
// sampling variance is that of independent multinomial steps given who is at risk
// (Gaynor and others 1993), carried along as the covariance of both curves; with
// no competing event it is Greenwood's.
func aalenJohansen(cells []float64, sigma, k float64) []fate {
	t := len(cells) / 3
	out := make([]fate, 0, t)
	ofS, ofF := make([]float64, len(cells)), make([]float64, len(cells)) // derivatives after each cell
	risk := 0.0
	for _, x := range cells {
		risk += x
	}
	s, f := 1.0, 0.0
	var vs, vsf, vf float64 // sampling covariance
	for j := range t {
		if risk <= 0 || risk < k+3*sigma*math.Sqrt(float64(3*(t-j))) {
			break
		}
		event, other := cells[3*j+1], cells[3*j+2]
		h, q := event/risk, math.Max(0, 1-(event+other)/risk)
		var ns, nf float64
		for i := range cells {
			dh, dq := 0.0, 0.0
			if i >= 3*j { // i is at risk
				dh, dq = -event/(risk*risk), (event+other)/(risk*risk)
			}
			switch i {
			case 3*j + 1:
				dh += 1 / risk
				dq -= 1 / risk
			case 3*j + 2:
				dq -= 1 / risk
			}
			ofF[i] += h*ofS[i] + s*dh
			ofS[i] = q*ofS[i] + s*dq
			ns, nf = ns+ofS[i]*ofS[i], nf+ofF[i]*ofF[i]
		}
		hs := math.Min(math.Max(h, 0), 1) // noise can leave [0, 1], a variance cannot
		vf += 2*h*vsf + h*h*vs + s*s*hs*(1-hs)/risk
		vsf = q*(h*vs+vsf) - s*s*hs*q/risk
		vs = q*q*vs + s*s*math.Max(0, q*(1-q))/risk
		f += s * h
		s *= q
		out = append(out, fate{
			survival:  step{s, sigma * math.Sqrt(ns), math.Sqrt(vs)},
			incidence: step{f, sigma * math.Sqrt(nf), math.Sqrt(math.Max(0, vf))},
		})
		risk -= cells[3*j] + event + other
	}
	return out
}

// competing gives the event-free survival and the cumulative incidence with 95 %
// bands for noise and sampling. Noise can make a step go the wrong way; what is
// shown is the nearest curve that never does, within [0, 1].
func (m measure) competing(cells []int64, sigma float64, k int) (survival, incidence []Point) {
	x := make([]float64, len(cells))
	for i, v := range cells {
		x[i] = float64(v)
	}
	fates := aalenJohansen(x, sigma, float64(k))
	free, had := make([]step, len(fates)), make([]step, len(fates))
	for i, f := range fates {
		free[i], had[i] = f.survival, f.incidence
	}
	return m.curve(free, -1), m.curve(had, 1)
}

// curve is steps as points: made monotone, rising (1) or falling (-1), with
// bands, within [0, 1].
func (m measure) curve(steps []step, direction float64) []Point {
	signed := make([]float64, len(steps))
	for i, s := range steps {
		signed[i] = direction * s.survival
	}
	signed = monotone(signed)
	clip := func(x float64) float64 { return math.Min(math.Max(x, 0), 1) }
	points := make([]Point, len(steps))
	for i, s := range steps {
		v := direction * signed[i]
		noise, w := z95*s.noise, z95*math.Hypot(s.noise, s.greenwood)
		points[i] = Point{At: m.Positions[i], Value: clip(v), Low: clip(v - w), High: clip(v + w), Noise: &[2]float64{clip(v - noise), clip(v + noise)}}
	}
	return points
}
