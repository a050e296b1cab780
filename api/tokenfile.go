package api

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// tokenFile is the file's form.
type tokenFile struct {
	Tokens []tokenEntry `yaml:"tokens"`
}

// tokenEntry is one token, without the token. Times are RFC 3339.
type tokenEntry struct {
	Principal string `yaml:"principal"`
	Digest    string `yaml:"digest"` // "sha256:" and 64 hex digits
	Created   string `yaml:"created"`
	Expires   string `yaml:"expires,omitempty"`
}

// digestPrefix names the hash. Without it, a digest of digits alone would be a number to YAML.
const digestPrefix = "sha256:"

const tokenHead = "# Bearer tokens, by the SHA-256 of each. qunxiang token revoke takes one out.\n"

func (e tokenEntry) expired(now time.Time) bool {
	if e.Expires == "" {
		return false
	}
	at, err := time.Parse(time.RFC3339, e.Expires)
	return err != nil || !now.Before(at)
}

func (e tokenEntry) check() error {
	if e.Principal == "" {
		return errors.New("an entry names no principal")
	}
	text, ok := strings.CutPrefix(e.Digest, digestPrefix)
	if b, err := hex.DecodeString(text); !ok || err != nil || len(b) != 32 {
		return fmt.Errorf("an entry of %s has no digest of sha256: and 64 hex digits", e.Principal)
	}
	for _, text := range []string{e.Created, e.Expires} {
		if _, err := time.Parse(time.RFC3339, text); err != nil && text != "" {
			return fmt.Errorf("%q of %s is not a time like 2026-01-31T12:00:00Z", text, e.Principal)
		}
	}
	return nil
}

// readTokens reads the whole file strictly.
func readTokens(path string) (list []tokenEntry, err error) {
	defer func() {
		if recover() != nil { // the parser is not ours
			list, err = nil, fmt.Errorf("tokens: %s is not readable as YAML", path)
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("tokens: %s must be readable by its owner only (chmod 600)", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	var f tokenFile
	d := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict())
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			p := ye.GetToken().Position
			return nil, fmt.Errorf("tokens: %s:%d:%d: %s", path, p.Line, p.Column, ye.GetMessage())
		}
		return nil, fmt.Errorf("tokens: %s is not readable as YAML", path)
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("tokens: %s holds more than one document", path)
	}
	for _, e := range f.Tokens {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("tokens: %s: %w", path, err)
		}
	}
	return f.Tokens, nil
}

// tokenLock is the right to replace the file: the new file itself, under a name
// of which there can be one.
type tokenLock struct {
	path string
	file *os.File
	done bool // the new file has taken its place
}

// lockTokens waits up to two seconds for another process to be done.
func lockTokens(path string) (*tokenLock, error) {
	name := path + ".new"
	for try := 0; ; try++ {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		switch {
		case err == nil:
			return &tokenLock{path: path, file: f}, nil
		case !errors.Is(err, os.ErrExist):
			return nil, fmt.Errorf("tokens: %w", err)
		case try == 40:
			return nil, fmt.Errorf("tokens: %s is there: another process adds a token, or one died while it did; then delete it", name)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// replace writes the new file durably and puts it in the place of the old one.
func (l *tokenLock) replace(entries []tokenEntry) error {
	b, err := yaml.Marshal(tokenFile{entries})
	if err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	if _, err := l.file.Write(append([]byte(tokenHead), b...)); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	if err := os.Rename(l.file.Name(), l.path); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	l.done = true
	return syncFolder(filepath.Dir(l.path))
}

// release lets the next process in, where replace has not done so already.
func (l *tokenLock) release() {
	if !l.done {
		_ = l.file.Close()
		_ = os.Remove(l.file.Name())
	}
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && runtime.GOOS != "windows" {
		return fmt.Errorf("tokens: %w", err)
	}
	return nil
}
