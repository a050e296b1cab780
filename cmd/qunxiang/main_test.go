package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if os.Getenv("QUNXIANG_AS_PROGRAM") != "" {
		os.Exit(run())
	}
	testscript.Main(m, map[string]func(){"qunxiang": func() { os.Exit(run()) }})
}

// realData is the folder of real inputs, "" where it is not there.
func realData(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("QUNXIANG_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "omop-eunomia")); err == nil {
		return dir
	}
	if os.Getenv("QUNXIANG_NO_SKIP") != "" {
		t.Fatalf("the real inputs are not in %s", dir)
	}
	return ""
}

func TestScripts(t *testing.T) {
	data := realData(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("DATA", data)
			return nil
		},
		Condition: func(cond string) (bool, error) { return cond == "data" && data != "", nil },
	})
}
