package api

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func openTokens(t testing.TB, path string) *Tokens {
	t.Helper()
	k, err := OpenTokens(path, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	k := openTokens(t, path)
	a, err := k.Add("insurer-a", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := k.Add("pharma-b", noon.Add(time.Hour))
	if !regexp.MustCompile(`^qx_[A-Za-z0-9_-]{43}$`).MatchString(a) || a == b {
		t.Errorf("tokens %q and %q", a, b)
	}
	for token, want := range map[string]string{a: "insurer-a", b: "pharma-b"} {
		if got, err := k.Principal(t.Context(), token); got != want || err != nil {
			t.Errorf("%s: %q, %v", want, got, err)
		}
	}
	for _, token := range []string{"", "qx_", a + "x", a[:len(a)-1], strings.TrimPrefix(a, "qx_"), strings.ToLower(a), tokenDigest(a)} {
		if got, err := k.Principal(t.Context(), token); !errors.Is(err, ErrToken) || got != "" {
			t.Errorf("%q is accepted as %q, %v", token, got, err)
		}
	}
	if _, err := k.Add("", time.Time{}); err == nil {
		t.Error("a token for nobody")
	}
	text := string(readFile(path))
	if strings.Contains(text, a) || strings.Contains(text, a[3:]) || !strings.Contains(text, "insurer-a") {
		t.Errorf("the file holds a token, or not its owner:\n%s", text)
	}
	info, _ := os.Stat(path)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the new file is left behind")
	}
}

func TestTokenExpires(t *testing.T) {
	now := noon
	k, _ := OpenTokens(filepath.Join(t.TempDir(), "tokens.yaml"), func() time.Time { return now })
	token, _ := k.Add("insurer-a", noon.Add(time.Minute))
	now = noon.Add(time.Minute - time.Second)
	if _, err := k.Principal(t.Context(), token); err != nil {
		t.Error("expired too early")
	}
	now = noon.Add(time.Minute)
	if _, err := k.Principal(t.Context(), token); !errors.Is(err, ErrToken) {
		t.Error("did not expire")
	}
}

// A token added by another process counts at once; a deleted entry is revoked
// at once; a file that cannot be read lets nobody in.
func TestTokensFollowTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	serving := openTokens(t, path)
	token, err := openTokens(t, path).Add("insurer-a", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := serving.Principal(t.Context(), token); p != "insurer-a" || err != nil {
		t.Fatalf("%q, %v", p, err)
	}
	whole := readFile(path)
	write(t, path, "tokens:\n- principal: x\n  oops: 1\n")
	if _, err := serving.Principal(t.Context(), token); err == nil || errors.Is(err, ErrToken) || !strings.Contains(err.Error(), "tokens.yaml:3:") {
		t.Errorf("a broken file: %v", err)
	}
	if _, err := serving.Add("pharma-b", time.Time{}); err == nil {
		t.Error("added to a broken file")
	}
	write(t, path, string(whole))
	if _, err := serving.Principal(t.Context(), token); err != nil {
		t.Errorf("mended, but %v", err)
	}
	write(t, path, "tokens: []\n")
	if _, err := serving.Principal(t.Context(), token); !errors.Is(err, ErrToken) {
		t.Errorf("revoked, but %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := serving.Principal(t.Context(), token); !errors.Is(err, ErrToken) {
		t.Errorf("deleted, but %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	// A new file each time, so that the clock's grain does not matter.
	if err := os.WriteFile(path+".x", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".x", path); err != nil {
		t.Fatal(err)
	}
}

func TestTokenFileIsStrict(t *testing.T) {
	digest := tokenDigest("qx_x")
	for text, ok := range map[string]bool{
		"":           true,
		"tokens: []": true,
		"tokens:\n- {principal: a, digest: '" + digest + "', created: '2026-01-31T12:00:00Z'}\n": true,
		"tokens:\n- {principal: a, digest: '" + digest + "', expires: '2026-01-31T12:00:00Z'}\n": true,
		"tokens:\n- {principal: a, digest: '" + digest + "', expires: 'tomorrow'}\n":             false,
		"tokens:\n- {principal: a, digest: '" + digest + "', Expires: '2026-01-31T12:00:00Z'}\n": false,
		"tokens:\n- {principal: a, digest: '" + digest + "', digest: '" + digest + "'}\n":        false,
		"tokens:\n- {principal: '', digest: '" + digest + "'}\n":                                 false,
		"tokens:\n- {principal: a, digest: '" + digest[7:] + "'}\n":                              false,
		"tokens:\n- {principal: a, digest: 'sha256:00'}\n":                                       false,
		"tokens: []\n---\ntokens: []\n":                                                          false,
		"users: []\n":                                                                            false,
		"tokens: [":                                                                              false,
	} {
		path := filepath.Join(t.TempDir(), "tokens.yaml")
		write(t, path, text)
		if _, err := OpenTokens(path, nil); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	write(t, path, "tokens: []\n")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTokens(path, nil); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
	}
}

// Several processes that add at once lose nothing.
func TestTokensAddedAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	var wait sync.WaitGroup
	var mu sync.Mutex
	var made []string
	for range 8 {
		wait.Go(func() {
			k, err := OpenTokens(path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			token, err := k.Add("insurer-a", time.Time{})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			made = append(made, token)
		})
	}
	wait.Wait()
	k := openTokens(t, path)
	for _, token := range made {
		if _, err := k.Principal(t.Context(), token); err != nil {
			t.Errorf("lost: %v", err)
		}
	}
	if len(k.known) != 8 {
		t.Errorf("%d tokens", len(k.known))
	}
}

// What is written is read, whatever the principal is called and whatever the
// digest looks like.
func TestTokenFileRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	rapid.Check(t, func(t *rapid.T) {
		_ = os.Remove(path)
		digest := digestPrefix + rapid.StringMatching(`([0-9]{64}|0[0-9]{2}e[0-9]{60}|[0-9a-f]{64})`).Draw(t, "digest")
		e := tokenEntry{
			Principal: rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,20}`).Draw(t, "principal"),
			Digest:    digest, Created: noon.Format(time.RFC3339),
		}
		lock, err := lockTokens(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.replace([]tokenEntry{e}); err != nil {
			t.Fatal(err)
		}
		got, err := readTokens(path)
		if err != nil || len(got) != 1 || got[0] != e {
			t.Fatalf("%+v became %+v, %v", e, got, err)
		}
	})
}

// A token that is revoked, alone or with all of its principal, is refused from then on,
// and no other is.
func TestTokensAreListedAndRevoked(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tokens, err := OpenTokens(filepath.Join(t.TempDir(), "tokens.yaml"), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]string{}
	for _, name := range []string{"a1", "a2", "b1", "b2"} {
		expires := time.Time{}
		if name == "b2" {
			expires = now.Add(time.Hour)
		}
		if made[name], err = tokens.Add(name[:1], expires); err != nil {
			t.Fatal(err)
		}
	}
	counts := func() (out string) {
		for _, name := range []string{"a1", "a2", "b1", "b2"} {
			if _, err := tokens.Principal(t.Context(), made[name]); err == nil {
				out += name + " "
			}
		}
		return out
	}
	now = now.Add(2 * time.Hour)
	list, err := tokens.List()
	if err != nil || len(list) != 4 || list[3].Principal != "b" || !list[3].Expired || list[0].Expired || list[0].Expires != "" || counts() != "a1 a2 b1 " {
		t.Fatalf("%+v %v, %s", list, err, counts())
	}
	if n, err := tokens.Revoke(func(x TokenInfo) bool { return x.Digest == list[1].Digest }); n != 1 || err != nil || counts() != "a1 b1 " {
		t.Errorf("one: %d %v, %s", n, err, counts())
	}
	if n, err := tokens.Revoke(func(x TokenInfo) bool { return x.Principal == "b" }); n != 2 || err != nil || counts() != "a1 " {
		t.Errorf("a principal's: %d %v, %s", n, err, counts())
	}
	if n, err := tokens.Revoke(func(x TokenInfo) bool { return x.Principal == "b" }); n != 0 || !errors.Is(err, errNoSuchToken) || counts() != "a1 " {
		t.Errorf("none: %d %v, %s", n, err, counts())
	}
}
