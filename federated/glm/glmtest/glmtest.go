// Package glmtest is for tests only: it compares federated training without
// protection to a pooled fit, and has a real registry with fits of an independent tool. layers_test.go keeps it out of the product.
package glmtest

import (
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/glm/internal/seam"
)

// Unprotected is the plan without noise and without clipping. What it encodes
// shows persons.
func Unprotected(p *glm.Plan) *glm.Plan { return p.Unprotected(seam.Issue()) }

// UnprotectedNetwork is the network without noise and without clipping.
func UnprotectedNetwork(n *glm.Network) *glm.Network { return n.Unprotected(seam.Issue()) }
