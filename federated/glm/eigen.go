package glm

import "math"

const maxSweeps = 60

// spectrum is a symmetric matrix as sum_k value[k] vector[k] vector[k]'.
type spectrum struct {
	values  []float64
	vectors [][]float64 // one per value
}

// eigen decomposes a symmetric matrix, which it overwrites, by cyclic Jacobi
// rotations (Golub and Van Loan, section 8.5): slow, but short, accurate and the
// same bits everywhere.
func eigen(a [][]float64) spectrum {
	n := len(a)
	v := make([][]float64, n)
	for i := range v {
		v[i] = make([]float64, n)
		v[i][i] = 1
	}
	for range maxSweeps {
		rotated := false
		for i := 0; i < n; i++ {
			for j := i + 1; j < n; j++ {
				rotated = rotate(a, v, i, j) || rotated
			}
		}
		if !rotated {
			break
		}
	}
	s := spectrum{values: make([]float64, n), vectors: v}
	for i := range n {
		s.values[i] = a[i][i]
	}
	return s
}

// rotate makes a[i][j] zero, unless it is already nothing beside its diagonal.
func rotate(a, v [][]float64, i, j int) bool {
	x := a[i][j]
	if math.Abs(x) <= math.Ldexp(float64(math.Sqrt(math.Abs(a[i][i]))*math.Sqrt(math.Abs(a[j][j]))), -54) {
		return false
	}
	theta := (a[j][j] - a[i][i]) / float64(2*x)
	t := 1 / (math.Abs(theta) + math.Sqrt(float64(theta*theta)+1))
	if theta < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(float64(t*t)+1)
	s := float64(t * c)
	a[i][i] -= float64(t * x)
	a[j][j] += float64(t * x)
	a[i][j], a[j][i] = 0, 0
	for k := range a {
		if k != i && k != j {
			p, q := a[i][k], a[j][k]
			a[i][k] = float64(c*p) - float64(s*q)
			a[j][k] = float64(s*p) + float64(c*q)
			a[k][i], a[k][j] = a[i][k], a[j][k]
		}
		p, q := v[i][k], v[j][k]
		v[i][k] = float64(c*p) - float64(s*q)
		v[j][k] = float64(s*p) + float64(c*q)
	}
	return true
}

// floored is the matrix with its eigenvalues raised to at least floor, and how
// many that moved.
func (s spectrum) floored(floor float64) (spectrum, int) {
	out := spectrum{values: make([]float64, len(s.values)), vectors: s.vectors}
	moved := 0
	for i, x := range s.values {
		if out.values[i] = x; !(x >= floor) {
			out.values[i] = floor
			moved++
		}
	}
	return out, moved
}

// solve is the inverse of the matrix times b.
func (s spectrum) solve(b []float64) []float64 {
	out := make([]float64, len(b))
	for k, vec := range s.vectors {
		f := dot(vec, b) / s.values[k]
		for i, x := range vec {
			out[i] += float64(f * x)
		}
	}
	return out
}

// inverseDiagonal is the diagonal of the matrix to the power -1 and to the
// power -2.
func (s spectrum) inverseDiagonal() (one, two []float64) {
	one, two = make([]float64, len(s.values)), make([]float64, len(s.values))
	for k, vec := range s.vectors {
		inv := 1 / s.values[k]
		for i, x := range vec {
			term := float64(float64(x*x) * inv)
			one[i] += term
			two[i] += float64(term * inv)
		}
	}
	return one, two
}
