//go:build mutants

package qunxiang_test

// witnessMutants break what a witness, a quorum of them, or the signatures on a
// checkpoint promise.
var witnessMutants = []mutant{
	{"witness: cosigns without keeping", "policy/witness/witness.go", "\tif err := replace(w.disk, filepath.Join(l.folder, checkpointFile), b); err != nil {", "\tif err := error(nil); err != nil {", "./policy/witness", "TestCrashAtEveryCall"},
	{"witness: the kept file is not synced", "policy/witness/disk.go", "errors.Join(f.Sync(), f.Close()); err != nil {", "f.Close(); err != nil {", "./policy/witness", "TestCrashAtEveryCall"},
	{"witness: the kept name is not synced", "policy/witness/disk.go", "\treturn d.sync(filepath.Dir(name))\n", "\t_ = filepath.Dir\n\treturn nil\n", "./policy/witness", "TestCrashAtEveryCall"},
	{"witness: written in place", "policy/witness/disk.go", "d.write(name+\".new\", b)", "d.write(name, b)", "./policy/witness", "TestCrashAtEveryCall"},
	{"witness: goes on after a failed write", "policy/witness/witness.go", "\t\tl.failed = fmt.Errorf(", "\t\t_ = fmt.Errorf(", "./policy/witness", "TestFailedWriteStops"},
	{"witness: no consistency check", "policy/witness/witness.go", "\tcase tlog.CheckTree(r.Proof, c.Size, c.Root, known.Size, known.Root) != nil:", "\tcase c.Root == tlog.Hash{}:", "./policy/witness", "TestGrowthAndForks|TestEveryMust"},
	{"witness: any old size", "policy/witness/witness.go", "\tif r.Old != known.Size {", "\tif false {", "./policy/witness", "TestParallelForks|TestEveryMust"},
	{"witness: a smaller log", "policy/witness/witness.go", "\tif r.Old != known.Size {", "\tif r.Old > known.Size {", "./policy/witness", "TestEveryMust"},
	{"witness: another root of one size", "policy/witness/witness.go", "\tcase c.Size == known.Size && c.Root != known.Root:", "\tcase false:", "./policy/witness", "TestTwoHistories|TestEveryMust"},
	{"witness: check and keeping without a lock", "policy/witness/witness.go", "\tl.mu.Lock()\n\tdefer l.mu.Unlock()\n\tknown :=", "\tknown :=", "./policy/witness", "TestParallelForks"},
	{"witness: another log's state", "policy/witness/state.go", "	if OriginHash(c.Origin) != filepath.Base(folder) {", "	if false {", "./policy/witness", "TestLostState"},
	{"witness: damage to the log's signature", "policy/witness/witness.go", "err != nil && !errors.Is(err, errNoSignature) {", "err == errNoSignature {", "./policy/witness", "TestLostState"},
	{"quorum: one key counts twice", "policy/witness/policy.go", "other.name == v.name || bytes.Equal(other.key, v.key)", "other.name == v.name && bytes.Equal(other.key, v.key)", "./policy/witness", "TestOneWitnessIsNotTwo"},
	{"quorum: cosignatures of the future", "policy/witness/policy.go", "\t\tcase at.After(now.Add(Skew)):", "\t\tcase false:", "./policy/witness", "TestPolicy"},
	{"quorum: the time of an answer does not matter", "policy/witness/client.go", "!ok || off.Abs() > Skew", "!ok || off.Abs() < 0", "./policy/witness", "TestBadAnswers"},
	{"quorum: being put back is not asked for", "policy/witness/ask.go", "\tif proven(err) {\n\t\tw.q.end(err)\n", "\tif false {\n\t\tw.q.end(err)\n", "./policy/witness", "TestPutBack"},
	{"quorum: what the log never signed is proof", "policy/witness/ask.go", "\tc, _, err := w.q.own(text)\n\tif err != nil {", "\tc, _, err := w.q.own(text)\n\tif n, _, e := splitNote(text); e == nil {\n\t\tc, err = ParseCheckpoint(n)\n\t}\n\tif err != nil {", "./policy/witness", "TestSaidToBeAhead"},
	{"quorum: a log that another history continues", "policy/witness/ask.go", "\tif tlog.CheckTree(proof, ours.Size, ours.Root, theirs.Size, theirs.Root) != nil {", "\tif proof == nil {", "./policy/witness", "TestPutBack"},
	{"quorum: one answer tells whether the disk was put back", "policy/witness/quorum.go", "need := len(q.asked) - q.o.Quorum + 1", "need := 1", "./policy/witness", "TestNewestNeedsEveryQuorum"},
	{"SM2: the head is not signed", "policy/witness/sm2.go", "return append(append(make([]byte, 0, len(text)+len(head)), text...), head...)", "return text", "./policy/witness", "TestEveryBitOfSM2Counts|TestSignaturesOfOthers"},
	{"SM2: signed without ZA", "policy/witness/sm2.go", "sm2Message(text, s.head[:]), sm2.DefaultSM2SignerOpts)", "sm2Message(text, s.head[:]), nil)", "./policy/witness", "TestEveryBitOfSM2Counts"},
	{"SM2: another kind of key", "policy/witness/sm2.go", " || string(data[:len(SM2Type)]) != SM2Type", "", "./policy/witness", "TestKeyTexts"},
	{"ledger: what the witnesses give back is believed", "policy/ledger/witness.go", "\tif by.Quorum == 0 {\n\t\treturn nil\n\t}\n\tneeds", "\tif by.Quorum >= 0 {\n\t\treturn nil\n\t}\n\tneeds", "./policy/ledger", "TestCosignaturesAreVerified"},
	{"ledger: the witnesses of the policy before are enough", "policy/ledger/witness.go", "\t\tif p.index < size {\n", "\t\tif p.index < size && p.index != s.grantIndex {\n", "./policy/ledger", "TestOtherWitnessesInForce"},
	{"ledger: half of the witnesses are a quorum", "policy/ledger/supervise.go", "\tcase 2*g.Witnesses.Quorum <= int64(len(g.Witnesses.Keys)):", "\tcase false:", "./policy/ledger", "TestQuorumIsMoreThanHalf"},
	{"audit: half of the witnesses are a quorum", "policy/audit/supervision.go", "\tcase 2*t.quorum <= int64(len(t.witnesses)):", "\tcase false:", "./policy/audit", "TestSupervisionFindings"},
	{"policy: half of the witnesses are a quorum", "policy/supervision.go", "\tif 2*s.Quorum <= len(s.Witnesses) {", "\tif false {", "./policy", "TestSupervisedPolicies"},
	{"trust: a quorum without a witness in common", "policy/witness/trust.go", "\treturn 2*m.need-len(m.of) > apart\n", "\treturn apart <= len(m.of)\n", "./policy/witness", "TestParseTrust"},
	{"audit: the auditor's witnesses stand in for the policy's", "policy/audit/cosigned.go", "\tif t == nil || t.mode", "\tif len(v.report.Witnesses) > 0 || t == nil || t.mode", "./policy/audit", "TestWitnesses"},
	{"ledger: only the file of the lock is locked", "policy/ledger/open.go", "l.held, err = l.fs.Lock(filepath.Join(l.dir, walName))", "l.held, err = l.lock, error(nil)", "./policy/ledger", "TestLockRemoved|TestSomebodyElseWrote"},
	{"ledger: another writer is not seen", "policy/ledger/commit.go", "err == nil && size != want {", "false {", "./policy/ledger", "TestSomebodyElseWrote"},
	{"cmd: a copy stands in for the quorum", "cmd/qunxiang/outside.go", "\t\to.short = errors.New(o.differ)\n\t\treturn o.short\n", "\t\treturn nil\n", "./cmd/qunxiang", "TestOutsideAsksThePolicysWitnesses"},
	{"cmd: witnesses.yaml is read once", "cmd/qunxiang/outside.go", "bytes.Equal(text, o.text) && reflect.DeepEqual(by, o.by)", "reflect.DeepEqual(by, o.by)", "./cmd/qunxiang", "TestOutsideAsksThePolicysWitnesses"},
}
