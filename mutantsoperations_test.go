//go:build mutants

package qunxiang_test

// operationsMutants break what a backup, a restore, a lost key or an upgrade promises.
var operationsMutants = []mutant{
	{"restore: what is known outside is not asked", "cmd/qunxiang/restore.go", "		if err := log.Continues(text); err != nil {", "		if err := log.Continues(text); err != nil && len(texts) == 0 {", "./cmd/qunxiang", "TestBackupLosesNoCharge|TestRestoreAsksWitnesses"},
	{"restore: witnesses that are away do not matter", "cmd/qunxiang/restore.go", "		if err != nil {\n			return false, fmt.Errorf(\"%w: %w\", ledger.ErrQuorum, err)\n		}\n		if text", "		_ = err\n		if text", "./cmd/qunxiang", "TestRestoreAsksWitnesses"},
	{"restore: who has cosigned may have forgotten it", "cmd/qunxiang/restore.go", "text == nil && !later {", "text == nil && later {", "./cmd/qunxiang", "TestRestoreAsksWitnesses"},
	{"restore: the witnesses of the signed policy are not asked", "cmd/qunxiang/restore.go", "range log.Keepers() {", "range log.Keepers()[len(log.Keepers())-1:] {", "./cmd/qunxiang", "TestRestoreBetweenWitnesses"},
	{"restore: a copy outside that is lost does not matter", "cmd/qunxiang/restore.go", "if err == nil && text == nil && outside.quorum == nil {", "if false {", "./cmd/qunxiang", "TestBackupsOfOneDomain"},
	{"restore: nobody outside is as good as somebody", "cmd/qunxiang/restore.go", "if err == nil && !done.Known && !r.unwitnessed {", "if false {", "./cmd/qunxiang", "TestBackupsOfOneDomain"},
	{"restore: a backup that was cut", "cmd/qunxiang/unpack.go", "	if !slices.Equal(c.Files, found) {", "	if slices.Equal(c.Files, nil) {", "./cmd/qunxiang", "TestBackupsOfOneDomain"},
	{"backup: the keys are in it", "cmd/qunxiang/backup.go", "\"snapshots\", \"keys\", \"node\", \"tmp\"", "\"snapshots\", \"node\", \"tmp\"", "./cmd/qunxiang", "TestBackupsOfOneDomain"},
	{"backup: personal data are in it", "cmd/qunxiang/backup.go", "	if b.snapshots {\n		for _, s", "	if true {\n		for _, s", "./cmd/qunxiang", "TestBackupsOfOneDomain"},
	{"backup: the last leaf is left out", "cmd/qunxiang/backup.go", "	log, err := ledger.ReadCopy(filepath.Join(b.dir, \"ledger\"), keys...)\n", "	log, err := ledger.ReadCopy(filepath.Join(b.dir, \"ledger\"), keys...)\n	if err == nil && log.Bytes > 1024+8 {\n		log.Bytes -= 1024 + 8\n	}\n", "./cmd/qunxiang", "TestBackupLosesNoCharge"},
	{"ledger: leaves are brought without their checkpoint", "policy/ledger/extend.go", "	if err := checkSigned(brought.hashes, brought.n, newer); err != nil {", "	if err := error(nil); err != nil {", "./policy/ledger", "TestExtendRefuses"},
	{"ledger: another log is brought", "policy/ledger/extend.go", "	if err := remembers(brought.hashes, brought.n, here.Checkpoint, here.keys); err != nil {", "	if err := error(nil); err != nil {", "./policy/ledger", "TestExtendRefuses"},
	{"a lost key of the people is made again", "cmd/qunxiang/keys.go", "if path := filepath.Join(dir, \"keys\", name); !exists(path) {", "if path := filepath.Join(dir, \"keys\", name); false {", "./cmd/qunxiang", "TestScripts/lostkey"},
	{"remains of a domain get new keys", "cmd/qunxiang/domain.go", "	if err := d.remains(); err != nil {", "	if err := error(nil); err != nil {", "./cmd/qunxiang", "TestScripts/lostkey"},
	{"a newer leaf is a torn one", "policy/ledger/open.go", "	return unread(l.size, err)\n", "	if errors.Is(err, ErrLeaf) {\n		return nil\n	}\n	return unread(l.size, err)\n", "./policy/ledger", "TestNewerLeaves"},
	{"an early deletion is not logged", "cmd/qunxiang/delete.go", "		if errors.Is(err, ledger.ErrRetention) {", "		if false {", "./cmd/qunxiang", "TestScripts/keys"},
	{"metrics: the disk to the last byte", "api/vitals.go", "return FreeClass(v.Free) })", "return v.Free })", "./api", "TestVitals"},
}
