package dataset

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
)

// ErrKey is returned for a domain key file that is missing bytes or is
// readable by others than its owner.
var ErrKey = errors.New("domain key")

// KeyLen is the length of a domain key in bytes.
const KeyLen = 32

// Key is the domain key: the secret under which source identifiers become
// psn_key and the other keys. It prints as "redacted" whatever the verb.
type Key struct{ b [KeyLen]byte }

// NewKey makes a Key of 32 bytes, or returns ErrKey.
func NewKey(b []byte) (Key, error) {
	var k Key
	if len(b) != KeyLen {
		return k, fmt.Errorf("%w: %d bytes instead of %d", ErrKey, len(b), KeyLen)
	}
	copy(k.b[:], b)
	return k, nil
}

// Format implements fmt.Formatter and says only "redacted".
func (k Key) Format(s fmt.State, _ rune) { fmt.Fprint(s, "redacted") }

// LogValue implements slog.LogValuer and says only "redacted".
func (k Key) LogValue() slog.Value { return slog.StringValue("redacted") }

// MarshalText implements encoding.TextMarshaler and says only "redacted".
func (k Key) MarshalText() ([]byte, error) { return []byte("redacted"), nil }

// LoadOrCreateKey reads the 32-byte domain key at path, or makes one from the
// system's CSPRNG (file mode 0600, directory 0700, fsynced). A key that others
// may read or that has another length is ErrKey.
func LoadOrCreateKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createKey(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("%w: %s may be read by others: set its mode to 0600", ErrKey, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return NewKey(b)
}

func createKey(path string) (Key, error) {
	var k Key
	if _, err := rand.Read(k.b[:]); err != nil {
		return Key{}, fmt.Errorf("%w: no randomness", ErrKey)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if err := writeSynced(path, k.b[:], 0o600); err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return k, syncDir(filepath.Dir(path))
}

// PsnKey is a psn_key: 120 bits, big-endian, the first byte always zero, so
// that it is positive as a 128-bit integer.
type PsnKey [16]byte

// Big returns the key as the HUGEINT that the snapshot holds.
func (p PsnKey) Big() *big.Int { return new(big.Int).SetBytes(p[:]) }

// hex30 is the key as 30 lower-case hexadecimal digits.
func (p PsnKey) hex30() string { return hex.EncodeToString(p[1:]) }

// PersonKey returns the psn_key of a source identifier: the first 120 bits of
// HMAC-SHA-256(key, "person" 0x1f id), the identifier as
// [NormalIdentifier] has it. The SQL twin is personHexSQL; a test holds them together.
func (k Key) PersonKey(id string) PsnKey {
	var p PsnKey
	copy(p[1:], k.mac("person", NormalIdentifier(id)))
	return p
}

// personalKey returns the 64-bit key of something that belongs to a person:
// the person is part of the message, so two people never share such a key.
func (k Key) personalKey(p PsnKey, kind, source string) uint64 {
	return binary.BigEndian.Uint64(k.mac(p.hex30(), kind, source))
}

// population returns the name of the population under this key: it tells
// nothing of the key and is the same for every snapshot made with it.
// Population is the name of the population under this key.
func (k Key) Population() string { return k.population() }

func (k Key) population() string { return hex.EncodeToString(k.mac("population")[:16]) }

func (k Key) mac(parts ...string) []byte {
	m := hmac.New(sha256.New, k.b[:])
	m.Write([]byte(strings.Join(parts, "\x1f")))
	return m.Sum(nil)
}

// Session variables that hold the key's two padded blocks during an import.
// HMAC is H(outer || H(inner || message)) and DuckDB has H (RFC 2104).
const (
	innerVar = "qx_inner"
	outerVar = "qx_outer"
)

// load puts the padded blocks into the session, as bound parameters: the key
// is in no SQL text.
func (k Key) load(ctx context.Context, conn *sql.Conn) error {
	inner, outer := make([]byte, sha256.BlockSize), make([]byte, sha256.BlockSize)
	for i := range inner {
		var b byte
		if i < KeyLen {
			b = k.b[i]
		}
		inner[i], outer[i] = b^0x36, b^0x5c
	}
	for name, block := range map[string][]byte{innerVar: inner, outerVar: outer} {
		if _, err := conn.ExecContext(ctx, "SET VARIABLE "+name+" = $1::BLOB", block); err != nil {
			return engineError("prepare", err)
		}
	}
	return nil
}

// hmacSQL returns an SQL expression for the hexadecimal HMAC-SHA-256 of a
// VARCHAR expression under the session's key.
func hmacSQL(message string) string {
	return "sha256(getvariable('" + outerVar + "') || unhex(sha256(getvariable('" + innerVar +
		"') || encode(" + message + "))))"
}

// hex64SQL turns the first 16 hexadecimal digits of h into a UBIGINT.
func hex64SQL(h string) string { return "('0x' || substr(" + h + ", 1, 16))::UBIGINT" }

// hex120SQL turns 30 hexadecimal digits (a column: it is used twice) into a
// positive HUGEINT.
func hex120SQL(h string) string {
	return "('0x' || substr(" + h + ", 1, 14))::UBIGINT::HUGEINT * 18446744073709551616::HUGEINT + ('0x' || substr(" +
		h + ", 15, 16))::UBIGINT::HUGEINT"
}

// personHexSQL is the SQL twin of Key.PersonKey, as 30 hexadecimal digits.
func personHexSQL(id string) string {
	return "substr(" + hmacSQL("'person' || chr(31) || "+normalIdentifierSQL(id)) + ", 1, 30)"
}

// personalKeySQL is the SQL twin of Key.personalKey.
func personalKeySQL(personHex, kind, source string) string {
	return hex64SQL(hmacSQL(personHex + " || chr(31) || '" + kind + "' || chr(31) || " + source))
}

// institutionKeySQL is the 64-bit key of an institution; no person is in it.
func institutionKeySQL(source string) string {
	return hex64SQL(hmacSQL("'institution' || chr(31) || " + source))
}
