//go:build mutants

package qunxiang_test

// keyMutants break the rules of changing keys, of lists of opt-outs and of looks at noise.
var keyMutants = []mutant{
	{"keys: the new key signs its own leaf", "policy/ledger/rotate.go", "	return k.leaf + 2\n", "	return k.leaf + 1\n", "./policy/ledger", "TestRotation"},
	{"keys: the stop at the handover is left out", "policy/ledger/rotate.go", "b := k.leaf + 1; k.Use == useLog && !k.Lost && from < b && b < to {", "b := k.leaf + 1; k.Use == useLog && !k.Lost && from < b && b < from {", "./policy/ledger", "TestRotation"},
	{"keys: nothing is kept of the handover", "policy/ledger/witness.go", "	if err := l.handOver(x, size, text); err != nil {\n		return nil, err\n	}\n", "", "./policy/ledger", "TestRotation"},
	{"keys: a retired key's checkpoint opens", "policy/ledger/rotate.go", "	if slices.ContainsFunc(keys, func(k note.Verifier) bool { return s.may(ed25519Name, k, size) }) {", "	if len(keys) > 0 {", "./policy/ledger", "TestRetiredKeySigns"},
	{"keys: a key comes back", "policy/ledger/rotate.go", "return k.Public == b.Public }) {", "return k.Public == b.Public && k.leaf < 0 }) {", "./policy/ledger", "TestRekeyRefused|TestResumeKeyAudit"},
	{"keys: another log's key", "policy/ledger/rotate.go", "if b.Use == useLog && !strings.HasPrefix(b.Public, s.population+\"+\") {", "if b.Use == useLog && b.Public == \"\" {", "./policy/ledger", "TestRekeyRefused"},
	{"keys: without the private half", "policy/ledger/rotate.go", "		if next == nil || !is(k.Public, next([32]byte{})) {", "		if next == nil {", "./policy/ledger", "TestRekeyRefused"},
	{"keys: changed unasked", "policy/ledger/rotate.go", "if err := s.needContent(SubjectKey, b, l.Time, b.By); err != nil {", "if err := error(nil); err != nil {", "./policy/ledger", "TestResumeKeyAudit|TestRekeyRefused"},
	{"keys: charged with the key lost", "policy/ledger/witness.go", "	if _, err := l.signersAt(l.size+1, [32]byte{}); err != nil {\n		return err\n	}\n", "", "./policy/ledger", "TestLostSigner"},
	{"keys: the head at a handover is forgotten", "policy/ledger/open.go", "	if l.handover(l.size-1) == 0 {", "	if l.size > 0 {", "./policy/ledger", "TestRotationOfSM2"},
	{"audit: any checkpoint hands over", "policy/audit/handover.go", "	if err != nil || seen.Size != index+1 ||", "	if err != nil && seen == nil || seen.Size != index+1 ||", "./policy/audit", "TestHandover"},
	{"audit: a leaf that is not in the log hands over", "policy/audit/handover.go", " || tlog.CheckRecord(proof, seen.Size, seen.Root, index, tlog.RecordHash(raw)) != nil {", " {\n		_ = proof", "./policy/audit", "TestHandover"},
	{"audit: a leaf before the last hands over", "policy/audit/handover.go", "seen.Size != index+1 ||", "seen.Size < index+1 ||", "./policy/audit", "TestHandover"},
	{"audit: a receipt key signs the log", "policy/audit/handover.go", "string(l.purpose) != \"log\" ||", "", "./policy/audit", "TestHandover"},
	{"audit: a lost key hands over", "policy/audit/handover.go", " || l.passed {", " {", "./policy/audit", "TestHandover"},
	{"audit: a handover in another history", "policy/audit/verify.go", "		if h.size == v.report.Leaves && v.tree.root() != h.root {", "		if h.size < 0 {", "./policy/audit", "TestHandover"},
	{"audit: what KEY leaves say is believed", "policy/audit/handover.go", "		if seen == nil || v.refused == SM2Invalid && errors.Is(err, witness.ErrSecond) {\n			continue\n		}\n", "		if seen == nil || v.refused == SM2Invalid && errors.Is(err, witness.ErrSecond) {\n			continue\n		}\n		if err == nil {\n			return\n		}\n", "./policy/audit", "TestLostKey|TestHandover"},
	{"audit: a key signs its own leaf", "policy/audit/cosigned.go", "	return k.leaf+1 < size\n", "	return k.leaf < size\n", "./policy/audit", "TestKeysInForce"},
	{"audit: a key comes back", "policy/audit/cosigned.go", "	if b.named[public] {\n", "	if false {\n", "./policy/audit", "TestKeyComesBack"},
	{"opt-outs: one person's word", "policy/ledger/aside.go", "	return enough(thing{SubjectOptOuts, digest}, people)\n", "	if len(people) > 0 {\n		return nil\n	}\n	return enough(thing{SubjectOptOuts, digest}, people)\n", "./policy/ledger", "TestApprovedAside"},
	{"opt-outs: who put it forward answers for it", "policy/ledger/aside.go", "counts(s.grant, at) && !not[person] {", "counts(s.grant, at) && len(not) < 9 {", "./policy/ledger", "TestApprovedAside"},
	{"opt-outs: unsigned words count", "policy/ledger/aside.go", "key != \"\" && v.verify(s.population, key) == nil && ", "key != \"\" && ", "./policy/ledger", "TestApprovedAside"},
	{"opt-outs: a word is not taken back", "policy/ledger/aside.go", "\t\tall[a.Approver].Approve = a\n", "\t\tif all[a.Approver].Approve == nil {\n\t\t\tall[a.Approver].Approve = a\n\t\t}\n", "./policy/ledger", "TestApprovedAside"},
	{"opt-outs: the log tells of them", "policy/ledger/approve.go", "SubjectAudit, SubjectJob}", "SubjectDelete, SubjectAudit, SubjectOptOuts}", "./policy/ledger", "TestApprovedAside"},
	{"opt-outs: a list is signed unread", "cmd/qunxiang/approvelook.go", "	if optOutDigest(population, optOutMember(text, \"salt\"), ids) != optOutMember(text, \"list\") {", "	if len(ids) == 0 {", "./cmd/qunxiang", "TestOptOutLists"},
	{"looks: the root is signed as shown", "cmd/qunxiang/approvelook.go", "	if hex.EncodeToString(root[:]) != p.Digest {", "	if hex.EncodeToString(root[:]) == \"\" {", "./cmd/qunxiang", "TestLookIsHeldAgainstTheLog"},
	{"looks: any checkpoint will do", "cmd/qunxiang/approvelook.go", "	if pinned != \"\" {", "	if false {", "./cmd/qunxiang", "TestLookIsHeldAgainstTheLog"},
	{"receipts: a retired key signs on", "queries/receiptcheck.go", "	if seen.Size > until+1 {", "	if seen.Size < 0 {", "./queries", "TestReceiptKeysOfTheirTime"},
	{"audit: a handover's SM2 signature is over any chain", "policy/audit/verify.go", "h.size == v.report.Leaves && len(s.SM2) > 0 && s.Head != v.books.head {", "h.size < 0 && s.Size < 0 {", "./policy/audit", "TestHandoverOverAnotherChain"},
	{"deleted: given out as long as the file is there", "queries/run.go", "	if rec.Deleted {\n", "	if false {\n", "./queries", "TestDeletedReleaseIsGone"},
	{"keys: changed while a training job is under way", "cmd/qunxiang/rotation.go", "	if use == \"log\" && slices", "	if use == \"\" && slices", "./cmd/qunxiang", "TestKeyKeptWhileTraining"},
	{"opt-outs: imported by one", "cmd/qunxiang/optoutlist.go", "	case supervised && !proposing:\n", "	case supervised && proposing && as == \"\":\n", "./cmd/qunxiang", "TestScripts/supervise$"},
}
