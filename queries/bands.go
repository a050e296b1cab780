package queries

import (
	"fmt"
	"sort"
	"strconv"
)

// Bands maps an integer column onto numbered positions: age bands, length of
// stay bins, months. A value below the first edge has no position; the last
// band is open above unless Closed.
type Bands struct {
	First  int64 `yaml:"first"`
	Width  int64 `yaml:"width"`
	Last   int64 `yaml:"last"` // where the last band begins
	Closed bool  `yaml:"closed"`
	// Edges, instead of First, Width and Last, lists where each band begins.
	Edges []int64 `yaml:"edges"`
}

// maxBands keeps a key or an axis readable, and the cells of a table countable.
const maxBands = 400

func (b Bands) edges() []int64 {
	if len(b.Edges) > 0 {
		return b.Edges
	}
	var out []int64
	for e := b.First; e <= b.Last && len(out) <= maxBands; e += b.Width {
		out = append(out, e)
	}
	return out
}

func (b Bands) check() error {
	if len(b.Edges) == 0 {
		if b.Width <= 0 || b.Last < b.First || (b.Last-b.First)%b.Width != 0 {
			return fmt.Errorf("%w: bands need width > 0 and last = first + a multiple of width", ErrTemplate)
		}
	} else if b.Width != 0 || b.First != 0 || b.Last != 0 {
		return fmt.Errorf("%w: bands take edges, or first, width and last, not both", ErrTemplate)
	}
	e := b.edges()
	if len(e) > maxBands {
		return fmt.Errorf("%w: more than %d bands", ErrTemplate, maxBands)
	}
	if !sort.SliceIsSorted(e, func(i, j int) bool { return e[i] < e[j] }) {
		return fmt.Errorf("%w: band edges must rise", ErrTemplate)
	}
	for i := 1; i < len(e); i++ {
		if e[i] == e[i-1] {
			return fmt.Errorf("%w: band edge %d is there twice", ErrTemplate, e[i])
		}
	}
	return nil
}

// Labels names the bands in order: "0-4", "5", "80+".
func (b Bands) Labels() []string {
	e := b.edges()
	out := make([]string, len(e))
	for i := range e {
		last := i == len(e)-1
		switch {
		case last && !b.Closed:
			out[i] = strconv.FormatInt(e[i], 10) + "+"
		case last && b.Width > 1:
			out[i] = fmt.Sprintf("%d-%d", e[i], e[i]+b.Width-1)
		case last || e[i+1] == e[i]+1:
			out[i] = strconv.FormatInt(e[i], 10)
		default:
			out[i] = fmt.Sprintf("%d-%d", e[i], e[i+1]-1)
		}
	}
	return out
}

// Position finds the band of v, or -1.
func (b Bands) Position(v int64) int32 {
	e := b.Edges
	if len(e) == 0 {
		if v < b.First {
			return -1
		}
		if v >= b.Last {
			if b.Closed && v >= b.Last+b.Width {
				return -1
			}
			return int32((b.Last - b.First) / b.Width)
		}
		return int32((v - b.First) / b.Width)
	}
	i := sort.Search(len(e), func(i int) bool { return e[i] > v }) - 1
	if b.Closed && i == len(e)-1 && v > e[i] {
		return -1
	}
	return int32(i)
}
