//go:build duckdb_arrow

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// units prints the units of a domain and of a witness.
func units(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "D"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "D", "policy.yaml"), nil, 0o600); err != nil { // it is not looked into
		t.Fatal(err)
	}
	mustRun(t, dir, "witness", "init", "--dir", "a witness", "--name", "w.example")
	outside := "witnesses: []\noutside: " + filepath.Join(dir, "elsewhere", "checkpoint") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "D", witnessesFile), []byte(outside), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"qunxiang.service":         mustRun(t, dir, "serve", "--domain", "D", "--addr", "127.0.0.1:9443", "--print-unit"),
		"qunxiang-witness.service": mustRun(t, dir, "witness", "serve", "--dir", "a witness", "--print-unit"),
	}
}

// The units are what systemd takes, keep the process to its folder, and have no core
// dumps, traces or swap.
func TestUnits(t *testing.T) {
	dir := t.TempDir()
	printed := units(t, dir)
	server := string(printed["qunxiang.service"])
	for _, want := range []string{
		"serve --domain " + filepath.Join(dir, "D") + " --addr 127.0.0.1:9443\n",
		"ReadWritePaths=" + filepath.Join(dir, "D") + " " + filepath.Join(dir, "elsewhere") + "\n",
		"ProtectSystem=strict\n", "LimitCORE=0\n", "GOTRACEBACK=none\n", "MemorySwapMax=0\n", "OOMPolicy=continue\n", "KillMode=mixed\n", "WatchdogSignal=SIGKILL\n",
	} {
		if !strings.Contains(server, want) {
			t.Errorf("the server's unit has no %q:\n%s", want, server)
		}
	}
	if want := `ReadWritePaths="` + filepath.Join(dir, "a witness") + `"`; !strings.Contains(string(printed["qunxiang-witness.service"]), want) {
		t.Errorf("the witness's unit has no %s:\n%s", want, printed["qunxiang-witness.service"])
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Log("there is no systemd-analyze here: nobody has checked the units' form")
		return
	}
	for name, text := range printed {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("systemd-analyze", "verify", "--recursive-errors=no", path).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		// 20 of 100 are what is left for a server that anybody may reach, with a user of its own.
		if out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--threshold=20", path).CombinedOutput(); err != nil {
			t.Errorf("%s is too open: %v\n%s", name, err, out)
		}
	}
}

// A configuration whose paths are relative is no service's.
func TestUnitWantsWholePaths(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "D"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := &config{Domain: filepath.Join(dir, "D")}
	if err := serveUnit(io.Discard, "", conf, "", false); err == nil {
		t.Error("there is no domain, and a unit for it")
	}
	if err := os.WriteFile(filepath.Join(dir, "D", "policy.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := serveUnit(io.Discard, "", conf, "", false); err != nil {
		t.Error(err)
	}
	conf.TLS.Certificate, conf.TLS.Key = "server.crt", "server.key"
	if err := serveUnit(io.Discard, "", conf, "", false); err == nil || !strings.Contains(err.Error(), "whole path") {
		t.Errorf("relative paths of keys: %v", err)
	}
}

// manager is a service manager's side of sd_notify.
type manager struct {
	*net.UnixConn
	path string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &manager{conn, path}
}

// told waits until it is told something that begins so.
func (m *manager) told(t *testing.T, want string) {
	t.Helper()
	_ = m.SetReadDeadline(time.Now().Add(time.Minute))
	for b := make([]byte, 1024); ; {
		n, err := m.Read(b)
		if err != nil {
			t.Fatalf("not told %q: %v", want, err)
		}
		if strings.HasPrefix(string(b[:n]), want) {
			return
		}
	}
}

// Told to stop while an answer is due, a server says that it stops, answers at the slot and
// ends well: nothing that was charged is lost.
func TestServeUnderManager(t *testing.T) {
	dir, m := t.TempDir(), newManager(t)
	mustRun(t, dir, "data", "synth", "--domain", "D", "--persons", "300", "--seed", "2")
	secret := strings.Fields(string(mustRun(t, dir, "token", "add", "--domain", "D", "--as", "insurer-a")))
	addr, internal := free(t), free(t)
	config := strings.Replace(defaultConfig, "internal: 127.0.0.1:8444", "internal: "+internal, 1)
	if err := os.WriteFile(filepath.Join(dir, "qunxiang.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, dir, "serve", "--config", "qunxiang.yaml", "--domain", "D", "--addr", addr)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=400000")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.told(t, "READY=1")
	m.told(t, "WATCHDOG=1")
	body, err := json.Marshal(map[string]any{"template": "I2", "coarse": true, "cost": 0.002, "allow_empty": true,
		"parameters": map[string]string{"window": "2017-01-01..2017-12-31"}})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/v1/queries", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+secret[len(secret)-1])
	req.Header.Set("Idempotency-Key", "before-the-stop")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%s\n%s", resp.Status, said)
	}
	alertsAreOfMetrics(t, addr, internal)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	m.told(t, "STOPPING=1\nEXTEND_TIMEOUT_USEC=")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	if r := audited(t, filepath.Join(dir, "D")); r.Charges != 1 || r.Releases != 1 || r.Abandoned+r.Open != 0 {
		t.Errorf("the stop lost what was charged: %+v", r)
	}
}

// alertsAreOfMetrics holds the alerts against what a server tells that has refused
// somebody: every metric they name is there.
func alertsAreOfMetrics(t *testing.T, addr, internal string) {
	t.Helper()
	get := func(url string) string {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	get("http://" + addr + "/v1/budgets") // without a token
	text := get("http://" + internal + "/metrics")
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions([]byte(alertRules), &file, yaml.Strict()); err != nil || len(file.Groups) != 1 {
		t.Fatalf("%v: %d groups", err, len(file.Groups))
	}
	named := map[string]bool{}
	for _, r := range file.Groups[0].Rules {
		if r.Alert == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
			t.Errorf("a rule that says too little: %+v", r)
		}
		for _, name := range regexp.MustCompile(`qunxiang_\w+`).FindAllString(r.Expr, -1) {
			named[name] = true
			if !strings.Contains(text, "\n"+name+" ") && !strings.Contains(text, "\n"+name+"{") {
				t.Errorf("%s: there is no %s", r.Alert, name)
			}
		}
	}
	if len(named) < 8 || !strings.Contains(text, "qunxiang_charges_open 1\n") || !strings.Contains(text, "qunxiang_witnesses_reached 1\n") {
		t.Errorf("%d metrics are named of\n%s", len(named), text)
	}
}

// A witness tells its manager too, and one that cannot be told is an error, not a silence.
func TestWitnessUnderManager(t *testing.T) {
	dir, m := t.TempDir(), newManager(t)
	mustRun(t, dir, "witness", "init", "--dir", "W", "--name", "w.example")
	cmd := program(t, dir, "witness", "serve", "--dir", "W", "--addr", free(t))
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.told(t, "READY=1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	m.told(t, "STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	cmd = program(t, dir, "witness", "serve", "--dir", "W", "--addr", free(t))
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+filepath.Join(dir, "nobody"))
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "service manager cannot be told") {
		t.Errorf("%v\n%s", err, out)
	}
}
