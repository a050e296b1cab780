// Package federated trains one model over several parties' people: a coordinator and
// nodes as state machines over small interfaces. It knows no network; packages above
// give it a [Transport].
//
// # Trust
//
// The root of trust is the job card ([Card]): model, contract, privacy cost, and every
// party's keys. Its digest names the job. Owners approve the digest with their own
// keys, and every node checks all approvals itself: a coordinator that invents parties
// changes the digest, which nobody has approved. The coordinator carries messages and
// keeps deadlines; it holds no secret, and the sums are sealed to the nodes.
//
// # The way of a job
//
//	card, _ := ParseCard(file, text)            // strict; defaults filled in
//	text, _ := card.Text()                      // what an owner reads
//	approval, _ := Approve(card, name, owner)
//	node, _ := OpenNode(ctx, NodeOptions{...})  // limits, ledger and data are checked
//	err := node.Run(ctx, time.Second)           // Step by Step, until Done or ErrStopped
//	proven, _ := Verify(dir, VerifyOptions{})   // offline, from the node's folder
//
// A round is one secure sum (package secagg) of what package glm encodes; its attempts
// are numbered over the job. Before the barrier an attempt may fail at no cost. At the
// barrier a node charges its ledger, which is the commit point of its share (package
// journal). An attempt that fails after it is burnt: charged, and done again with fresh
// noise and keys while a spare is left ([Spares]). The roster never changes; the loss of
// a node ends the job.
//
// A node sets the whole cost of a job aside when it opens it, spares included, and gives
// back what is left when the job ends: queries cannot starve it. A refusal that comes
// before any data is touched may be mended ([Mendable]): the others wait and see for
// what. All work on rows is done when an OPEN is taken, and the node answers on a grid of
// public moments (pace.go), so that the time it takes tells nothing of them.
//
// # Durable state
//
// A node's folder holds the card, the approvals, the journal, a folder for each attempt
// (its transcript with opened shares, the sum, the proof of the charge), round-N files
// that name the attempt which closed a round, and the model. After a crash the closed
// rounds are recomputed from their sums, and an issued share is sent again as stored.
// The coordinator's folder holds what it relays and the order in which it published it;
// one that was put back to an earlier time gets the rounds since from the nodes, which
// say again what they have stored.
package federated
