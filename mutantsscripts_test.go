//go:build mutants

package qunxiang_test

// scriptMutants break what scripts and notebooks rely on. Those of the Python package are
// in its own tests.
var scriptMutants = []mutant{
	{"credentials: a token for any server", "cmd/qunxiang/where.go", "if err == nil && c.Server != o.Server {", "if false {", "./cmd/qunxiang", "TestTokenFromCredentials"},
	{"credentials: a file that others can read", "cmd/qunxiang/credentials.go", "read := ownerOnly\n\tif runtime.GOOS == \"windows\" {", "read := ownerOnly\n\tif runtime.GOOS != \"\" {", "./cmd/qunxiang", "TestTokenFromCredentials"},
	{"credentials: the demo writes over somebody's own", "cmd/qunxiang/credentials.go", "return err == nil && c.Demo != \"\"", "return err == nil || c == nil", "./cmd/qunxiang", "TestDemoCredentials"},
	{"credentials: a demo removes another's", "cmd/qunxiang/credentials.go", "err == nil && now.Demo == c.Demo {", "err == nil && now.Demo != \"\" {", "./cmd/qunxiang", "TestDemoCredentials"},
	{"credentials: the demo's are for everybody", "cmd/qunxiang/credentials.go", "append(text, '\\n'), 0o600)", "append(text, '\\n'), 0o644)", "./cmd/qunxiang", "TestDemoCredentials"},
	{"history: of everybody", "queries/history.go", "if rec.Principal != principal && !(all && r.covered(rec.Index)) {", "if rec.Principal == \"\" && !all {", "./queries", "TestHistory"},
	{"history: leaves that no checkpoint covers", "queries/history.go", "!(all && r.covered(rec.Index))", "!all", "./queries", "TestHistory"},
	{"history: the caller is not asked for", "api/history.go", "s.Runner.History(caller(ctx))", "s.Runner.History(\"insurer-a\")", "./api", "TestHistoryPages"},
}
