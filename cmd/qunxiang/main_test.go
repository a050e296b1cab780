package main

import (
	"flag"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/qunxiang/qunxiang/policy"
)

func TestMain(m *testing.M) {
	if os.Getenv("QUNXIANG_AS_PROGRAM") != "" || isEngine(os.Args) {
		os.Exit(run())
	}
	if os.Getenv("QUNXIANG_AS_TRACER") != "" {
		os.Exit(traceAlone())
	}
	_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // they wait for slots most of the time
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

// freeAddr is a loopback address on which nobody listens now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// listening waits until somebody listens on an address.
func listening(ts *testscript.TestScript, _ bool, args []string) {
	for range 1200 {
		if c, err := net.Dial("tcp", args[0]); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("nobody listens on %s", args[0])
}

// token takes the token that the last command printed into a variable.
func token(ts *testscript.TestScript, _ bool, args []string) {
	for _, word := range strings.Fields(ts.ReadFile("stdout")) {
		if strings.HasPrefix(word, "qx_") {
			ts.Setenv(args[0], word)
			return
		}
	}
	ts.Fatalf("no token was printed")
}

func TestScripts(t *testing.T) {
	scripts(t, "script")
	if os.Getenv("QUNXIANG_LONG") != "" {
		scripts(t, "long")
	}
}

func scripts(t *testing.T, dir string) {
	data := realData(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", dir),
		Setup: func(e *testscript.Env) error {
			e.Setenv("DATA", data)
			for _, name := range []string{"ADDR", "ADDR2"} {
				addr, err := freeAddr()
				if err != nil {
					return err
				}
				e.Setenv(name, addr)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"listening": listening, "token": token, "take": take, "expand": expand, "until": until, "code": code, "certificate": certificate, "pin": pin, "log": scriptLogs,
		},
		Condition: func(cond string) (bool, error) { return cond == "data" && data != "", nil },
	})
}

// The steward is told when answers are due sooner than runs can end.
func TestWarningOfShortSlots(t *testing.T) {
	for _, tt := range []struct {
		declared, people int64
		want             string
	}{{0, 10_000, ""}, {0, 50_000, "undeclared"}, {50_000, 50_000, ""}, {10_000, 50_000, "too small"}} {
		p, err := policy.Parse("p", policy.Evaluation(policy.EvaluationOptions{Population: "demo", PublicPeople: tt.declared}))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		d := &domain{}
		d.inForce.Put(p)
		d.warnOfSlot(&b, tt.people)
		if !strings.Contains(b.String(), tt.want) || (tt.want == "") != (b.Len() == 0) {
			t.Errorf("%d declared, %d people: %q", tt.declared, tt.people, b.String())
		}
	}
}
