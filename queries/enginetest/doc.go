// Package enginetest is the contract that every engine passes: the bounded
// totals it gives are those of a brute force over the same rows in Go, a
// template's question maps people one by one, and nothing but totals comes out.
//
// It also builds small snapshots from Go rows, for the tests of other packages.
// Only test code may import it: it reads exact totals.
package enginetest
