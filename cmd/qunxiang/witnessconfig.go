package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// witnessConfig is witness.yaml. A log that has two keys stands there twice.
type witnessConfig struct {
	Name   string        `yaml:"name"`
	Listen string        `yaml:"listen"`
	TLS    api.TLSFiles  `yaml:"-"`
	Files  witnessTLS    `yaml:"tls"`
	Logs   []witnessLogs `yaml:"logs"`
}

type witnessTLS struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

type witnessLogs struct {
	Origin string `yaml:"origin"`
	Key    string `yaml:"key"`
}

// witnessConfigText is what init writes. The logs stand last, so that add-log can add.
const witnessConfigText = `# Configuration of qunxiang witness serve. Unknown keys are refused.
name: %s

# Where logs connect. Anything but a loopback address needs tls: certificate chain and
# key, PEM files, which are read again when they change.
listen: 127.0.0.1:8700
tls: {certificate: "", key: ""}

# Logs by origin, one line for each key; qunxiang witness add-log adds them here.
logs:
`

// yamlText quotes a text for YAML.
func yamlText(s string) string {
	b, _ := json.Marshal(s) // of a string it does not fail
	return string(b)
}

// loadWitness reads a witness's configuration.
func loadWitness(dir string) (*witnessConfig, error) {
	path := filepath.Join(dir, witnessConfigFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{exitUsage, fmt.Errorf("%s is not there: qunxiang witness init makes it", path)}
	}
	if err != nil {
		return nil, err
	}
	return parseWitness(path, text)
}

func parseWitness(path string, text []byte) (*witnessConfig, error) {
	c := &witnessConfig{Listen: "127.0.0.1:8700"}
	if err := strictYAML(path, "a configuration", text, c); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	c.TLS = api.TLSFiles{Certificate: c.Files.Certificate, Key: c.Files.Key}
	for i, l := range c.Logs {
		v, err := witness.NewVerifier(l.Key)
		if err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("%s: log %d: %w", path, i+1, err)}
		}
		if l.Origin == "" {
			c.Logs[i].Origin = v.Name()
		}
	}
	return c, nil
}

// add writes a key of a log at the end of witness.yaml and reads the whole again: what
// stood there before must be there as it was.
func (c *witnessConfig) add(dir, origin, key string) (*witnessConfig, error) {
	path := filepath.Join(dir, witnessConfigFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	line := fmt.Sprintf("  - {origin: %s, key: %s}\n", yamlText(origin), yamlText(key))
	longer := strings.TrimRight(string(text), "\n") + "\n" + line
	now, err := parseWitness(path, []byte(longer))
	if err != nil || len(now.Logs) != len(c.Logs)+1 || now.Logs[len(c.Logs)] != (witnessLogs{origin, key}) {
		return nil, &exitError{exitUsage, fmt.Errorf("%s does not end with its logs; write this line under them:\n%s", path, line)}
	}
	return now, writeDurably(path, []byte(longer), 0o644)
}

// logs are the logs with all their keys, in the order of the file.
func (c *witnessConfig) logs() []witness.Log {
	var list []witness.Log
	at := map[string]int{}
	for _, l := range c.Logs {
		i, seen := at[l.Origin]
		if !seen {
			i = len(list)
			at[l.Origin] = i
			list = append(list, witness.Log{Origin: l.Origin})
		}
		list[i].Keys = append(list[i].Keys, l.Key)
	}
	return list
}

// witnessSigner reads a witness's key, which init made.
func witnessSigner(dir string, c *witnessConfig) (*witness.Cosigner, error) {
	path := filepath.Join(dir, witnessKeyFile)
	seed, err := ownerOnly(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not there: it was lost or moved, and a witness is its key", path)
	}
	if err != nil {
		return nil, err
	}
	own, err := witness.NewCosigner(c.Name, seed, nil)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", path, witnessConfigFile, err)
	}
	public, err := witnessPublic(dir)
	if err == nil && public.Key() != own.VerifierKey() {
		err = fmt.Errorf("%s is not the key of %s: another name, or another key", filepath.Join(dir, witnessPublicFile), path)
	}
	return own, err
}

// witnessPublic reads a witness's verifier key.
func witnessPublic(dir string) (*witness.CosignatureVerifier, error) {
	path := filepath.Join(dir, witnessPublicFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{exitUsage, fmt.Errorf("%s is not there: qunxiang witness init makes it", path)}
	}
	if err != nil {
		return nil, err
	}
	return witness.NewCosignatureVerifier(strings.TrimSpace(string(text)))
}
