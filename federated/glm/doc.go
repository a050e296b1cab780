// Package glm holds the numbers of federated training: what a node sends about
// its people in one round, and what anyone computes from the decrypted sum. It
// knows no network, no key and no file.
//
// The way of a job:
//
//	plan, err := glm.NewPlan(spec)            // from the job card alone
//	data, err := plan.NewData(rows)           // preflight: names the failing field
//	state := plan.Start()
//	for r := range plan.Rounds() {
//		sums, err := plan.Encode(data, r, state)  // clipped integers; private
//		noise, err := plan.DrawNoise(r)           // this node's share
//		mine, err := sums.Noisy(noise)            // what the node may send
//		...                                       // the secure sum of all nodes' mine
//		next, report, err := plan.Step(r, state, sum) // the same at every node
//	}
//	fit, err := plan.Fit(state, sum)          // of the last round, in place of Step
//
// A Network is trained in the same way, by first-order steps.
//
// Encode and Step are pure functions: the same arguments give the same bits on
// every machine. Coefficients are integers in units of 2^-40, every product of
// floats is rounded by an explicit conversion (no fused multiply-add) and the
// exponential and logarithm are our own.
//
// Newton's method uses the expected information H = X'WX and the score
// g = sum x (y-mu) (dmu/deta) / V and steps by H^-1 g (McCullagh and Nelder
// 1989, section 2.5). Sending X'Wz instead would put the noise of H on the
// coefficients rather than on the step.
//
// One person is the privacy unit: the person's rows are added first, then each
// block of numbers is clipped in integers to its bound. Exact sums leave through
// Sums.Noisy only.
package glm
