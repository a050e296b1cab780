package glm

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Our exponential and logarithm are the true ones to two units in the last place.
func TestExpAndLog(t *testing.T) {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 4.5e-16*math.Abs(b) }
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-690, 690).Draw(t, "x")
		if !near(exp(x), math.Exp(x)) {
			t.Fatalf("exp(%v) = %v, want %v", x, exp(x), math.Exp(x))
		}
		y := rapid.Float64Range(1e-300, 1e300).Draw(t, "y")
		if !near(log(y), math.Log(y)) {
			t.Fatalf("log(%v) = %v, want %v", y, log(y), math.Log(y))
		}
		z := 1 + rapid.Float64Range(-0.01, 0.01).Draw(t, "z")
		if math.Abs(log(z)-math.Log(z)) > 4.5e-16*math.Abs(math.Log(z)) {
			t.Fatalf("log(%v) = %v, want %v", z, log(z), math.Log(z))
		}
	})
	if log(1) != 0 || exp(0) != 1 || exp(1e9) != exp(700) || sigmoid(0) != 0.5 {
		t.Error("special values")
	}
}

// The decomposition gives the matrix back and its inverse inverts.
func TestEigen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		a, b := make([][]float64, n), make([][]float64, n)
		for i := range a {
			a[i], b[i] = make([]float64, n), make([]float64, n)
		}
		for i := range n {
			for j := i; j < n; j++ {
				a[i][j] = rapid.Float64Range(-10, 10).Draw(t, "a")
				if i == j && rapid.Bool().Draw(t, "heavy") {
					a[i][j] *= 1000
				}
				a[j][i], b[i][j], b[j][i] = a[i][j], a[i][j], a[i][j]
			}
		}
		s := eigen(b)
		for i := range n {
			for j := range n {
				x := 0.0
				for k, v := range s.vectors {
					x += s.values[k] * v[i] * v[j]
				}
				if math.Abs(x-a[i][j]) > 1e-9 {
					t.Fatalf("entry %d,%d is %v, want %v", i, j, x, a[i][j])
				}
			}
		}
		up, _ := s.floored(0.5)
		for _, v := range up.values {
			if v < 0.5 {
				t.Fatal("an eigenvalue below its floor")
			}
		}
	})
}
