package dp

import (
	"math"
	"slices"
)

// maxPairs is how many pairs of channels are held against each other.
const maxPairs = 100_000

// reused wagers that a channel of a release has the noise of another, of the same
// or an earlier release, by place or by group, as it is or with its sign turned:
// given the one, the other's scores are as new, or all but the same. Of very many
// channels each is held against those before it, as far as maxPairs allows.
func (s *noiseState) reused() float64 {
	var all []*noisePart
	for _, parts := range s.releases {
		for _, p := range parts {
			if len(p.scores) > 0 {
				all = append(all, p)
			}
		}
	}
	if len(all) < 2 {
		return 0
	}
	window := max(1, maxPairs/len(all))
	var channels []float64
	for i, p := range all {
		places := p.places()
		for _, q := range all[max(0, i-window):i] {
			for _, by := range []map[uint64]int{nil, places} {
				plain, turned := p.sameAs(q, by)
				channels = append(channels, plain, turned)
			}
		}
	}
	return meanLog([]float64{meanLog(channels), s.reusedWhole()})
}

// reusedWhole wagers on whole releases: on all channels of the same name together,
// by group, and on the order in which the numbers were drawn, as a generator that
// begins twice from the same seed would give them.
func (s *noiseState) reusedWhole() float64 {
	var logs []float64
	window := max(1, maxPairs/4/max(1, len(s.releases)))
	ordered := make([]*noisePart, len(s.releases))
	for i, of := range s.releases {
		ordered[i] = inOrder(of)
		drawn, groups := ordered[i].places(), make([]map[uint64]int, len(of))
		for j, p := range of {
			groups[j] = p.places()
		}
		for k := max(0, i-window); k < i; k++ {
			plain, turned := ordered[i].sameAs(ordered[k], drawn)
			logs = append(logs, plain, turned)
			plain, turned = 0, 0
			for j, p := range of {
				for _, q := range s.releases[k] {
					if p.channel == q.channel {
						a, b := p.sameAs(q, groups[j])
						plain, turned = plain+a, turned+b
					}
				}
			}
			logs = append(logs, plain, turned)
		}
	}
	return meanLog(logs)
}

// inOrder is all scores of a release under the numbers of their draws.
func inOrder(parts []*noisePart) *noisePart {
	out := &noisePart{}
	for _, p := range parts {
		out.scores, out.grain = append(out.scores, p.scores...), append(out.grain, p.grain...)
		out.label = append(out.label, p.order...)
	}
	return out
}

func (p *noisePart) places() map[uint64]int {
	out := make(map[uint64]int, len(p.label))
	for i, l := range p.label {
		out[l] = i
	}
	return out
}

// sameAs wagers on p's scores given q's, as they are and turned; places matches
// them by label, nil by place.
func (p *noisePart) sameAs(q *noisePart, places map[uint64]int) (plain, turned float64) {
	if places != nil && slices.Equal(p.label, q.label) {
		places = nil
	}
	for j := range q.scores {
		i, ok := j, j < len(p.scores)
		if places != nil {
			i, ok = places[q.label[j]]
		}
		if !ok {
			continue
		}
		grain := math.Hypot(p.grain[i], q.grain[j])
		plain += alike(p.scores[i], q.scores[j], grain)
		turned += alike(p.scores[i], -q.scores[j], grain)
	}
	return plain, turned
}

// alike is an even stake on x being normal around y with the width that the grain
// explains, against it being standard normal.
func alike(x, y, grain float64) float64 {
	width := 0.3 * grain // the difference of two uniform numbers has 1/sqrt(12) of each
	if !(width < 1) {
		return 0
	}
	width = math.Max(width, 1e-6)
	d := (x - y) / width
	if d*d > 100 { // the usual case
		return -math.Ln2 // all but: never more than is right
	}
	return stake(0.5, x*x/2-d*d/2-math.Log(width))
}

// repeated wagers that the noise of a number is that of the one before it, in all
// of some channels.
func (s *noiseState) repeated() float64 {
	var logs []float64
	for _, parts := range s.releases {
		for _, p := range parts {
			sum := 0.0
			for i := 1; i < len(p.scores); i++ {
				sum += alike(p.scores[i], p.scores[i-1], math.Hypot(p.grain[i], p.grain[i-1]))
			}
			logs = append(logs, sum)
		}
	}
	return pooled(logs)
}
