//go:build mutants

package qunxiang_test

// attacks on training, each with a check that stands against it: they are tried on
// every change, the others in trainingMutants before a release.
var attacks = []struct {
	on string
	mutant
}{
	{"rogue key", mutant{"secagg: key commitments are not opened", "federated/secagg/steps.go", "\tif commitKey(a.ctx, m.Node, m.Payload) != a.keys[m.Node] {", "\tif false {", "./federated/secagg", "TestAttackRogueKey"}},
	{"chosen CRS", mutant{"secagg: a does not depend on the context", "federated/secagg/lattice.go", "\txof.Write(ctx[:])\n", "", "./federated/secagg", "TestAttackChosenCRS"}},
	{"chosen or swapped c1", mutant{"secagg: any c1 is taken", "federated/secagg/input.go", "\tif commitPart(a.ctx, C1, p.Node, p.Chunk, p.Body) != a.commits[C1][p.Node][p.Chunk] {", "\tif false {", "./federated/secagg", "TestAttackChosenC1"}},
	{"dropped or duplicated ciphertext", mutant{"secagg: c1 counts twice", "federated/secagg/input.go", "\tif a.got[p.Node][p.Chunk] {\n\t\treturn nil\n\t}\n", "", "./federated/secagg", "TestAttackDroppedAndDuplicatedCiphertext"}},
	{"dropped or duplicated ciphertext", mutant{"secagg: barrier without every c1", "federated/secagg/attempt.go", "\t\t\tif a.board.said[PhaseCT][i] == nil || !all(a.got[i]) {", "\t\t\tif a.board.said[PhaseCT][i] == nil {", "./federated/secagg", "TestAttackEvidence"}},
	{"padded roster", mutant{"federated: an approval of any card", "federated/approval.go", "if i < 0 || a.Job != job.String() || !verifyText", "if i < 0 || len(a.Job) != len(job.String()) || !verifyText", "./federated", "TestAttackPaddedRoster"}},
	{"equivocation", mutant{"secagg: any root is confirmed", "federated/secagg/steps.go", "\t\tif Hash(m.Body[:32]) != a.root {", "\t\tif false {", "./federated/secagg", "TestAttackEquivocation"}},
	{"different models", mutant{"federated: the coordinator chooses the model", "federated/nodefeed.go", "Expect: secagg.Open{Job: n.job, Model: n.beta.Hash(),", "Expect: secagg.Open{Job: n.job, Model: open.Model,", "./federated", "TestAttackDifferentModels"}},
	{"replay", mutant{"federated: messages of any attempt pass", "federated/secagg/board.go", "\tif m.Context != ctx {", "\tif false {", "./federated", "TestAttackReplayAcrossRounds"}},
	{"replay", mutant{"secagg: attempt numbers may repeat", "federated/secagg/attempt.go", "case open.Attempt <= o.Highest:", "case false:", "./federated/secagg", "TestAttackReplay"}},
	{"correlated ciphertext", mutant{"secagg: ciphertexts shown before all commit", "federated/secagg/input.go", "case a.phase < PhaseCT || kind", "case a.phase < PhaseCTCom || kind", "./federated/secagg", "TestAttackCorrelatedCiphertext"}},
	{"late share choice", mutant{"secagg: share is not the confirmed one", "federated/secagg/combine.go", "\tif commitPart(c.r.ctx, Opened, p.Node, p.Chunk, p.Body) != c.r.shares[p.Node][p.Chunk] {", "\tif false {", "./federated/secagg", "TestAttackLateShareChoice"}},
	{"second share", mutant{"secagg: Cross twice", "federated/secagg/barrier.go", "\t_ = a.end(errCrossed)\n", "", "./federated/secagg", "TestAttackSecondShare"}},
	{"second share", mutant{"journal: a second share", "federated/journal/commit.go", "if _, twice := j.shares[n]; twice || n != j.s.highest || n <= j.s.finished {", "if false {", "./federated/journal", "TestCommitAndReopen"}},
	{"smaller after a drop", mutant{"secagg: OPEN of another roster", "federated/secagg/attempt.go", "roster != o.Roster.Digest():", "roster == Hash{}:", "./federated", "TestAttackSmallerAfterDrop"}},
	{"second job on a snapshot", mutant{"federated: any second job on a snapshot", "federated/limits.go", "case len(others) > 0 && !l.SecondJob:", "case false:", "./federated", "TestAttackSecondJobOnSnapshot"}},
	{"malformed messages", mutant{"secagg: oversized bodies", "federated/secagg/message.go", "len(m.Body) != want {", "len(m.Body) < want {", "./federated/secagg", "TestAttackFuzzedWire|TestOversizedCostsNothing"}},
	{"malformed messages", mutant{"secagg: residues of any size", "federated/secagg/wire.go", "\t\tif bad {", "\t\tif false {", "./federated/secagg", "TestAttackFuzzedWire|TestWirePoly|TestAttackMalformedCiphertext"}},
	{"restored backup", mutant{"federated: a ledger that went back is passed over", "federated/nodefeed.go", "return n.Stop(\"a ledger went back: restored from a backup?\")", "return nil", "./federated", "TestAttackRestoredBackupAnswers"}},
	{"restored backup", mutant{"journal: a share counts when all have shared", "federated/journal/journal.go", "return j.put(func(s *state) { s.peers[node].Charged = true })", "return nil", "./federated", "TestAttackRestoredAfterPartialShares"}},
	{"restored backup", mutant{"federated: a ledger need only count further", "federated/books.go", "root != since.Head {", "len(root) != len(since.Head) {", "./federated", "TestAttackSwappedLedger"}},
	{"stale bytes", mutant{"federated: stale bytes pass", "federated/secagg/message.go", "\tif sha256.Sum256(m.Body) != m.Payload {", "\tif false {", "./federated", "TestAttackStaleBytes"}},
	{"key recovery", mutant{"secagg: no flooding", "federated/secagg/lattice.go", "\tif err := l.p.addFlood(sum); err != nil {\n\t\treturn nil, err\n\t}\n", "", "./federated/secagg", "TestAttackKeyRecovery"}},
	{"key recovery", mutant{"secagg: flooding has a grid", "federated/secagg/flood.go", "\t\tlo := binary.LittleEndian.Uint64(buf[draw*c:])", "\t\tlo := binary.LittleEndian.Uint64(buf[draw*c:]) &^ (1<<40 - 1)", "./federated/secagg", "TestAttackKeyRecovery"}},
	{"plaintext at the coordinator", mutant{"federated: a node tells its numbers", "federated/noderound.go", "\tdefer clear(values)\n", "\tdefer clear(values)\n\tn.post(SortNotice, 0, sumBytes(values))\n", "./federated", "TestAttackCanary"}},
	{"one person's removal", mutant{"glm: half the noise", "dp/discreteshare.go", "share := quoCeil(variance, big.NewInt(int64(nodes-colluders)))", "share := quoCeil(variance, big.NewInt(int64(4*(nodes-colluders))))", "./federated/glm", "TestAuditOfOnePerson"}},
	{"share before its charge", mutant{"secagg: share though not saved", "federated/secagg/barrier.go", "\tif err := save(b); err != nil {", "\tif err := save(b); false {", "./federated/secagg", "TestAttackShareBeforeJournal"}},
}
