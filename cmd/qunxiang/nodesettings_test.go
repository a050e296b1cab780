package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated"
)

const goodSettings = `coordinator: https://127.0.0.1:8800
name: north
organisation: North Mutual
limits: {rho: "0.25", windows: ["20:00-06:00", "12:00-13:30"], second_job: true}
poll: 2s
`

func TestNodeSettings(t *testing.T) {
	s, err := parseNodeSettings("node.yaml", []byte(goodSettings))
	if err != nil {
		t.Fatal(err)
	}
	want := []federated.Window{{From: 20 * time.Hour, To: 6 * time.Hour}, {From: 12 * time.Hour, To: 13*time.Hour + 30*time.Minute}}
	if s.limits.Rho != 250_000_000_000 || !s.limits.SecondJob || len(s.limits.Windows) != 2 || s.limits.Windows[0] != want[0] || s.limits.Windows[1] != want[1] {
		t.Errorf("limits are %+v", s.limits)
	}
	if s.Poll != 2*time.Second || s.Slot != time.Minute || s.coordinatorKey != nil {
		t.Errorf("settings are %+v", s)
	}
}

// What node enroll writes is read back as it was, with every setting in it.
func TestWrittenNodeSettingsAreRead(t *testing.T) {
	path := t.TempDir() + "/node.yaml"
	in := nodeSettings{Coordinator: "https://h:1", Name: "north", Organisation: "Firm: \"x\" #1"}
	if err := os.WriteFile(path, in.text(), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := nodeFolder(strings.TrimSuffix(path, "/node.yaml"))
	out, err := folder.settings()
	if err != nil {
		t.Fatal(err)
	}
	if out.Coordinator != in.Coordinator || out.Name != in.Name || out.Organisation != in.Organisation || out.limits.Rho != 0 || out.Slot != time.Minute {
		t.Errorf("read back %+v", out)
	}
}

func TestNodeSettingsRefused(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"poll: 2s", "pole: 2s", `node.yaml:5:1: unknown field "pole"`},
		{"name: north", "", "coordinator, name and organisation are required"},
		{"poll: 2s", "poll: 1ms", "poll must be"},
		{"poll: 2s", "slot: 0s", "slot must be"},
		{`"0.25"`, `"1e-3"`, "limits.rho"},
		{`"0.25"`, `"-1"`, "limits.rho"},
		{`"12:00-13:30"`, `"12:00"`, "limits.windows"},
		{`"12:00-13:30"`, `"12:00-12:00"`, "limits.windows"},
		{`"12:00-13:30"`, `"12:00-25:00"`, "limits.windows"},
		{"poll: 2s", "coordinator_key: abc", "coordinator_key"},
	} {
		text := strings.Replace(goodSettings, c.from, c.to, 1)
		if text == goodSettings {
			t.Fatalf("%s is not in the settings", c.from)
		}
		if _, err := parseNodeSettings("node.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.to, err, c.want)
		}
	}
}

func FuzzNodeSettings(f *testing.F) {
	f.Add([]byte(goodSettings))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseNodeSettings("node.yaml", b)
		if err == nil && (s.Name == "" || s.Coordinator == "" || s.Poll <= 0) {
			t.Errorf("took %+v", s)
		}
	})
}
