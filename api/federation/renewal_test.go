package federation

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/api"
)

// Few wait at a time, and not for ever. A flood of requests shuts nobody out: the newest
// takes the place of the oldest, and of no approved one.
func TestPendingIsBounded(t *testing.T) {
	now := &clock{time.Now()}
	dir := t.TempDir()
	a := openAuthority(t, dir, now, 3)
	approved := newApplicant(t, "first").enrolment(t)
	_, err := a.Enrol(approved)
	must(t, err)
	_, err = a.Approve(approved.ID(), approved.Fingerprint())
	must(t, err)
	for i := range 3 {
		now.now = now.now.Add(10 * time.Second)
		_, err := a.Enrol(newApplicant(t, fmt.Sprint("n", i)).enrolment(t))
		must(t, err)
	}
	late := newApplicant(t, "late").enrolment(t)
	_, err = a.Enrol(late)
	mustBe(t, err, api.ErrEnrolmentsFull) // they have just come
	now.now = now.now.Add(41 * time.Second)
	_, err = a.Enrol(late)
	must(t, err)
	wantEnrolments(t, a, dir, "first", "late", "n1", "n2")
	wantEnrolments(t, openAuthority(t, dir, now, 3), dir, "first", "late", "n1", "n2")
	now.now = now.now.Add(pendingLife + time.Minute)
	_, err = a.Enrol(newApplicant(t, "last").enrolment(t))
	must(t, err)
	wantEnrolments(t, a, dir, "first", "last")
}

func wantEnrolments(t *testing.T, a *Authority, dir string, want ...string) {
	t.Helper()
	var got []string
	for _, e := range a.Enrolments() {
		got = append(got, e.Name)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "enrolments", "*.json")); !slices.Equal(got, want) || len(files) != len(want) {
		t.Fatalf("%v, %d files; want %v", got, len(files), want)
	}
}

// What a folder is called does not matter.
func TestAuthorityInAnyFolder(t *testing.T) {
	now, dir := &clock{time.Now()}, filepath.Join(t.TempDir(), "a[b*")
	_, err := openAuthority(t, dir, now, 3).Enrol(newApplicant(t, "north").enrolment(t))
	must(t, err)
	if again := openAuthority(t, dir, now, 3).Enrolments(); len(again) != 1 {
		t.Errorf("%d enrolments after a restart", len(again))
	}
}

// A certificate is renewed for the same keys when two thirds of its time are over, and
// not before.
func TestRenewal(t *testing.T) {
	now := &clock{time.Now()}
	a := openAuthority(t, t.TempDir(), now, 0)
	e := newApplicant(t, "north").enrolment(t)
	_, err := a.Enrol(e)
	must(t, err)
	first, err := a.Approve(e.ID(), e.Fingerprint())
	must(t, err)
	now.now = now.now.Add(NodeLife / 2)
	if s, err := a.Enrol(e); err != nil || s.Certificate != first.Certificate {
		t.Errorf("renewed too early: %v", err)
	}
	for _, d := range []time.Duration{NodeLife / 4, NodeLife} { // in time, and when it has run out
		now.now = now.now.Add(d)
		s, err := a.Enrol(e)
		must(t, err)
		if s.State != Approved || s.Certificate == first.Certificate || !s.Until.After(now.now.Add(NodeLife-time.Hour)) {
			t.Fatalf("%+v", s)
		}
		leaf := a.all[e.ID()].leaf
		if leaf.Subject.CommonName != "north" || len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != "north" || leaf.IsCA ||
			len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth {
			t.Errorf("%+v", leaf)
		}
	}
}

// What is on the disk is there again, and damage is told by its file.
func TestEnrolmentsOnDisk(t *testing.T) {
	dir, now := t.TempDir(), &clock{time.Now()}
	a := openAuthority(t, dir, now, 0)
	e := newApplicant(t, "north").enrolment(t)
	_, err := a.Enrol(e)
	must(t, err)
	path := a.recordPath(e.ID())
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	b, err := os.ReadFile(path)
	must(t, err)
	for _, bad := range []string{"", "{}", "null", strings.Replace(string(b), "North Mutual", "South Mutual", 1)} {
		must(t, os.WriteFile(path, []byte(bad), 0o600))
		_, err := OpenAuthority(AuthorityOptions{Dir: dir, Hosts: []string{"x"}})
		if !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), e.ID()) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
}

func FuzzEnrolment(f *testing.F) {
	b, err := json.Marshal(newApplicant(f, "north").enrolment(f))
	must(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		e := &Enrolment{}
		if api.DecodeStrict(b, e) == nil && e.Check() == nil && !nodeName.MatchString(e.Name) {
			t.Errorf("%q is enrolled", e.Name)
		}
	})
}
