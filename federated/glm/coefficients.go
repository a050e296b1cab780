package glm

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// Coefficients are the state of a training between rounds, in units of 2^-40:
// integers, so that every machine holds and signs the same.
type Coefficients []int64

const (
	coefficientBits  = 40
	coefficientScale = 1 << coefficientBits
	// maxCoefficient bounds what a coefficient can become: 2^20.
	maxCoefficient = 1 << 60
	coefficientTag = "qx-coefficients/1"
)

// Floats gives the coefficients as numbers.
func (c Coefficients) Floats() []float64 {
	out := make([]float64, len(c))
	for i, x := range c {
		out[i] = float64(float64(x) / coefficientScale)
	}
	return out
}

// Bytes is the canonical form: a tag, the count and each coefficient, both as
// eight bytes, the highest first.
func (c Coefficients) Bytes() []byte {
	b := make([]byte, 0, len(coefficientTag)+8+8*len(c))
	b = append(b, coefficientTag...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(c)))
	for _, x := range c {
		b = binary.BigEndian.AppendUint64(b, uint64(x))
	}
	return b
}

// Hash is the SHA-256 of Bytes.
func (c Coefficients) Hash() [sha256.Size]byte { return sha256.Sum256(c.Bytes()) }

// ParseCoefficients reads the canonical form. ErrMismatch for anything else, a
// coefficient beyond +-2^20 included.
func ParseCoefficients(b []byte) (Coefficients, error) {
	rest := b[min(len(b), len(coefficientTag)):]
	if len(rest) < 8 || string(b[:len(coefficientTag)]) != coefficientTag {
		return nil, fmt.Errorf("%w: not coefficients", ErrMismatch)
	}
	if n := binary.BigEndian.Uint64(rest); len(rest)%8 != 0 || n != uint64(len(rest)/8-1) {
		return nil, fmt.Errorf("%w: coefficients of another length", ErrMismatch)
	}
	c := make(Coefficients, 0, len(rest)/8-1)
	for rest = rest[8:]; len(rest) > 0; rest = rest[8:] {
		c = append(c, int64(binary.BigEndian.Uint64(rest)))
	}
	if !c.inRange() {
		return nil, fmt.Errorf("%w: a coefficient out of range", ErrMismatch)
	}
	return c, nil
}

func (c Coefficients) inRange() bool {
	for _, x := range c {
		if x > maxCoefficient || x < -maxCoefficient {
			return false
		}
	}
	return true
}

// coefficient is x in units of 2^-40, to the nearest, ties to even.
func coefficient(x float64) int64 {
	q := math.RoundToEven(float64(x * coefficientScale))
	return int64(min(max(q, -maxCoefficient), maxCoefficient))
}
