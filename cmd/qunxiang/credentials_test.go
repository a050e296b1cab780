package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func demoPeople() credentials {
	return credentials{Server: "http://127.0.0.1:1", Default: "insurer", Identities: map[string]identity{
		"insurer": {Principal: "insurer-a", Token: "qx_a"}, "pharma": {Principal: "pharma-b", Token: "qx_b"},
	}}
}

// The demo's file is its owner's alone, takes the place of nobody's own, and goes with the
// demo that wrote it.
func TestDemoCredentials(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "conf", "credentials.json")
	write := func() (string, func()) {
		t.Helper()
		at, remove, err := demoCredentials(path, dir, demoPeople())
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(at); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v %v", info, err)
		}
		return at, remove
	}
	at, first := write()
	if at != path {
		t.Errorf("written at %s", at)
	}
	if c, err := readCredentials(path); err != nil || c.Version != 1 || c.Demo == "" {
		t.Errorf("%+v %v", c, err)
	}
	_, second := write() // what a demo left is replaced
	first()
	if !exists(path) {
		t.Error("a demo has removed another's file")
	}
	second()
	if exists(path) {
		t.Error("a demo has left its file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "conf", ".new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	for _, own := range []string{`{"version":1,"server":"https://a","identities":{"me":{"token":"t"}}}`, "not JSON"} {
		if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
			t.Fatal(err)
		}
		at, remove := write()
		if at != filepath.Join(dir, "credentials.json") {
			t.Errorf("beside somebody's own: %s", at)
		}
		remove()
		if b, err := os.ReadFile(path); err != nil || string(b) != own {
			t.Errorf("somebody's own file is now %s, %v", b, err)
		}
	}
}

// A token is for its server and for nobody who can read another's file.
func TestTokenFromCredentials(t *testing.T) {
	t.Setenv("QUNXIANG_TOKEN", "")
	path := filepath.Join(t.TempDir(), "c.json")
	text, err := json.Marshal(credentials{Version: 1, Server: "http://127.0.0.1:1", Default: "insurer", Identities: demoPeople().Identities})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for as, token := range map[string]string{"": "qx_a", "insurer": "qx_a", "pharma-b": "qx_b", "pharma": "qx_b"} {
		w := where{server: "http://127.0.0.1:1", as: as, credentials: path}
		if o, err := w.client(); err != nil || o.Token != token {
			t.Errorf("as %q: %q %v", as, o.Token, err)
		}
	}
	given := where{server: "http://127.0.0.1:2", token: "mine", credentials: path}
	if o, err := given.client(); err != nil || o.Token != "mine" {
		t.Errorf("with a token of one's own: %+v %v", o, err)
	}
	for says, w := range map[string]where{
		"it is for http://127.0.0.1:1": {server: "http://127.0.0.1:2", credentials: path},
		`nobody is called "steward"`:   {server: "http://127.0.0.1:1", as: "steward", credentials: path},
		"there is no credentials file": {server: "http://127.0.0.1:1", credentials: path + "x"},
	} {
		if o, err := w.client(); err == nil || !strings.Contains(err.Error(), says) || o.Token != "" {
			t.Errorf("%s: %q %v", says, o.Token, err)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	open := where{server: "http://127.0.0.1:1", credentials: path}
	if o, err := open.client(); err == nil || !strings.Contains(err.Error(), "chmod 600") || o.Token != "" {
		t.Errorf("a file that others can read: %q %v", o.Token, err)
	}
}
