//go:build mutants

package qunxiang_test

// crashMutants do the right things in a wrong order, or leave one out that only a crash
// shows.
var crashMutants = []mutant{
	{"crash: answered before the checkpoint", "policy/ledger/ledger.go", "\treturn index, l.publish(index)\n", "\treturn index, nil\n", "./policy/ledger", "TestCrashSupervised"},
	{"crash: a checkpoint before the log is on the disk", "policy/ledger/commit.go", "\tif err := l.wal.Sync(); err != nil {\n\t\treturn l.stop(\"fsync the log\", err)\n\t}\n", "", "./policy/ledger", "TestCrashSimulation"},
	{"crash: a charge acknowledged before it is written", "policy/ledger/commit.go", "\tif err := l.flush(index); err != nil {\n\t\treturn -1, err\n\t}\n\treturn index, nil\n", "\treturn index, nil\n", "./policy/ledger", "TestCrashSimulation"},
	{"crash: a failed fsync is tried again", "policy/ledger/commit.go", "\tif err := l.wal.Sync(); err != nil {\n", "\terr := l.wal.Sync()\n\tif err != nil {\n\t\terr = l.wal.Sync()\n\t}\n\tif err != nil {\n", "./policy/ledger", "TestCrashSimulation"},
	{"crash: it goes on after a failed write", "policy/ledger/commit.go", "\t\tl.stopped = err\n", "", "./policy/ledger", "TestCrashSimulation"},
	{"crash: the checkpoint's name is not synced", "policy/ledger/fs.go", "\treturn fsys.SyncDir(filepath.Dir(name))\n", "\t_ = filepath.Dir\n\treturn nil\n", "./policy/ledger", "TestCrashSimulation"},
	{"crash: the checkpoint is named before it is synced", "policy/ledger/fs.go", "writeFile(fsys, name+\".tmp\", b, true)", "writeFile(fsys, name+\".tmp\", b, false)", "./policy/ledger", "TestCrashSimulation"},
	{"crash: the checkpoint is written in place", "policy/ledger/fs.go", "writeFile(fsys, name+\".tmp\", b, true); err != nil {\n", "errors.Join(writeFile(fsys, name+\".tmp\", b, true), writeFile(fsys, name, b, true)); err != nil {\n", "./policy/ledger", "TestCrashSimulation"},
	{"crash: open charges stay open at a restart", "policy/ledger/open.go", "\treturn l.abandonOrphans()\n", "\treturn nil\n", "./policy/ledger", "TestCrashSupervised"},
	{"crash: a torn tail takes a whole record along", "policy/ledger/open.go", "l.wal.Truncate(whole)", "l.wal.Truncate(l.extent().start(l.size - 1))", "./policy/ledger", "TestCrashSimulation"},
	{"crash: what was read after a failed fsync is not written again", "policy/ledger/open.go", "at < whole {", "at < whole && at < 0 {", "./policy/ledger", "TestCrashSimulation"},
	{"crash: what was read is not synced", "policy/ledger/open.go", "\tif err := l.wal.Sync(); err != nil {\n\t\treturn err\n\t}\n\treturn l.fs.SyncDir(l.dir)\n", "\treturn l.fs.SyncDir(l.dir)\n", "./policy/ledger", "TestCrashSimulation"},
	{"crash: the cosignature is not awaited", "policy/ledger/witness.go", "\tif text, err = l.cosign(x, text, size); err != nil {\n", "\tif _, err = l.cosign(x, text, size); errors.Is(err, ErrRolledBack) {\n", "./policy/ledger", "TestCrashSupervised"},
	{"crash: ids are not remembered over a restart", "policy/ledger/open.go", "\t\t_, err = l.push(leaf)\n", "\t\t_, err = l.push(leaf)\n\t\tif c, ok := leaf.Body.(*Charge); ok {\n\t\t\tdelete(l.asked, [2]string{c.Principal, c.Idempotency})\n\t\t}\n", "./policy/ledger", "TestCrashSupervised"},
	{"crash: an old disk is taken", "policy/ledger/open.go", "\tif err := l.remembered(); err != nil {\n", "\tif err := l.remembered(); err != nil && l.size < 0 {\n", "./policy/ledger", "TestCrashSimulation"},
	{"crash: charges are admitted while the witness is away", "policy/ledger/witness.go", "\tcase l.outside.away != nil:\n\t\treturn l.outside.away\n", "", "./policy/ledger", "TestCrashSupervised"},
	{"crash: a charge is held to the cap and counted in two steps", "policy/ledger/charge.go", "\tfor i, scope := range c.Scopes {\n\t\ts.spent[scope] = after[i]\n", "\tif !s.mu.TryLock() {\n\t\ts.mu.Unlock()\n\t\ttime.Sleep(time.Millisecond)\n\t\ts.mu.Lock()\n\t} else {\n\t\ts.mu.Unlock()\n\t}\n\tfor i, scope := range c.Scopes {\n\t\ts.spent[scope] = after[i]\n", "./policy/ledger", "TestLastOfTheBudget|TestCrashFreeOrder"},
	{"crash: what is reserved is not held", "policy/ledger/charge.go", "\t\t\tothers = s.held(scope, l.Time)\n", "\t\t\t_ = s.held\n", "./policy/ledger", "TestCrashFreeOrder"},
	{"crash: the released file after its leaf", "queries/run.go", "\tif err == nil { // not before: when a file appears would tell how long the run took\n\t\tif err = r.Store.Put(digest, body); err != nil && r.Fatal != nil {\n\t\t\tr.Fatal(fmt.Errorf(\"an answer could not be kept: %w\", err))\n\t\t}\n\t}\n", "\tdefer func() { _ = r.Store.Put(digest, body) }()\n", "./cmd/qunxiang", "TestCrashOrderOfCalls"},
	{"crash: the released file is named before it is synced", "cmd/qunxiang/store.go", "\tif err == nil {\n\t\terr = f.Sync()\n\t}\n", "", "./cmd/qunxiang", "TestCrashOrderOfCalls"},
	{"crash: the released file's name is not synced", "cmd/qunxiang/store.go", "\treturn syncDir(filepath.Dir(path))\n", "\treturn nil\n", "./cmd/qunxiang", "TestCrashOrderOfCalls"},
}
