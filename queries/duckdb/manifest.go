package duckdb

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// checkManifest proves that the manifest beside the data is the one that the
// snapshot's id names.
func checkManifest(path, id string) error {
	b, err := os.ReadFile(filepath.Join(filepath.Dir(path), "manifest.json"))
	if err != nil {
		return ErrSnapshot
	}
	sum := sha256.Sum256(b)
	if hex.EncodeToString(sum[:]) != id {
		return ErrSnapshot
	}
	return nil
}
