// Package seam is the one opening in glm, and only code below glm can reach it:
// glmtest takes noise and clipping off through here.
package seam

// Pass proves that the caller could import this package. Its zero value, which
// reflection can make, opens nothing.
type Pass struct{ ok bool }

// Issue makes a valid Pass.
func Issue() Pass { return Pass{ok: true} }

// Valid says whether the Pass came from Issue.
func (p Pass) Valid() bool { return p.ok }
