package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/qunxiang/qunxiang/api"
)

// credentialsVariable names the file, where no flag does.
const credentialsVariable = "QUNXIANG_CREDENTIALS"

// credentialsDefault says in --help where the file is.
const credentialsDefault = "the variable " + credentialsVariable + ", or qunxiang/credentials.json in your configuration folder"

// credentials are a server and whom a person may be there: what the command line and
// programs read in place of flags. The file is JSON, for its owner only.
type credentials struct {
	Version int    `json:"version"` // 1
	Server  string `json:"server"`  // URL
	// Demo names the demo that wrote the file and will remove it; "" for a file that
	// somebody wrote.
	Demo       string              `json:"demo,omitempty"`
	Default    string              `json:"default"` // of Identities
	Identities map[string]identity `json:"identities"`
	// CAFile has the authorities that vouch for the server, as PEM; default the machine's.
	CAFile string `json:"ca_file,omitempty"`
	// Keys are those that check receipts; default those that the server states.
	Keys *api.Keys `json:"keys,omitempty"`
}

// identity is one principal and what shows it.
type identity struct {
	Principal   string `json:"principal"`
	Token       string `json:"token,omitempty"`
	Certificate string `json:"client_certificate,omitempty"` // PEM file
	Key         string `json:"client_key,omitempty"`         // PEM file
}

// credentialsPath is the flag's file, or the variable's, or the one in the user's
// configuration folder.
func credentialsPath(flag string) (string, error) {
	for _, path := range []string{flag, os.Getenv(credentialsVariable)} {
		if path != "" {
			return path, nil
		}
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the credentials file: %w (name it with %s)", err, credentialsVariable)
	}
	return filepath.Join(dir, "qunxiang", "credentials.json"), nil
}

// readCredentials reads the file, which nobody but its owner may be able to read.
func readCredentials(path string) (*credentials, error) {
	read := ownerOnly
	if runtime.GOOS == "windows" { // where a mode says nothing
		read = os.ReadFile
	}
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	var c credentials
	if json.Unmarshal(text, &c) != nil || c.Version != 1 || c.Server == "" || len(c.Identities) == 0 {
		return nil, fmt.Errorf("%s is no credentials file", path)
	}
	return &c, nil
}

// identity finds somebody by name or principal; "" is the file's default.
func (c *credentials) identity(name string) (identity, error) {
	if name == "" {
		name = c.Default
	}
	if who, ok := c.Identities[name]; ok {
		return who, nil
	}
	for _, who := range c.Identities {
		if who.Principal == name {
			return who, nil
		}
	}
	return identity{}, fmt.Errorf("nobody is called %q; it has %q", name, slices.Sorted(maps.Keys(c.Identities)))
}

// demoCredentials writes the demo's file at a path, or where somebody has a file of their
// own there, in the demo's folder. remove takes it away again, unless it has become
// another's meanwhile.
func demoCredentials(path, dir string, c credentials) (at string, remove func(), err error) {
	c.Version, c.Demo = 1, rand.Text()
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return "", nil, err
	}
	if !replaceable(path) {
		path = filepath.Join(dir, "credentials.json")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", nil, err
	}
	if err := writeDurably(path, append(text, '\n'), 0o600); err != nil {
		return "", nil, err
	}
	return path, func() {
		if now, err := readCredentials(path); err == nil && now.Demo == c.Demo {
			_ = os.Remove(path) // a token of a server that has ended opens nothing
		}
	}, nil
}

// replaceable says that nothing is at a path, or what a demo left.
func replaceable(path string) bool {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	c, err := readCredentials(path)
	return err == nil && c.Demo != ""
}
