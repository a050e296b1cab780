package witness

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// maxSize bounds the leaves of a log. Beyond it the arithmetic of proofs passes int64,
// and tlog's does not end.
const maxSize = 1 << 62

// Checkpoint is what the text of a checkpoint says: C2SP tlog-checkpoint.
type Checkpoint struct {
	Origin string // the log's name
	Size   int64  // leaves, at most 2^62
	Root   tlog.Hash
}

// emptyRoot is the root of a tree without leaves: RFC 6962 section 2.1.
func emptyRoot() tlog.Hash { return sha256.Sum256(nil) }

// Text gives the checkpoint's note text, without extension lines.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// ParseCheckpoint reads the text of a checkpoint, without its signatures. Extension
// lines are let pass, as the specification has it. Anything else is ErrMalformed.
func ParseCheckpoint(text string) (c Checkpoint, err error) {
	bad := func(why string) (Checkpoint, error) {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint %s", ErrMalformed, why)
	}
	body, ended := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if !ended || len(lines) < 3 {
		return bad("without origin, size and root")
	}
	for _, line := range lines {
		if line == "" {
			return bad("with an empty line")
		}
	}
	if c.Size, err = parseSize(lines[1]); err != nil {
		return bad("without a size")
	}
	if c.Root, err = parseHash(lines[2]); err != nil {
		return bad("without a root")
	}
	if c.Size == 0 && c.Root != emptyRoot() {
		return bad("without leaves and with a root of some")
	}
	c.Origin = lines[0]
	return c, nil
}

// splitNote divides a note into its text and its signature lines.
func splitNote(b []byte) (text, signatures string, err error) {
	at := strings.LastIndex(string(b), "\n\n")
	if at < 0 {
		return "", "", fmt.Errorf("%w: no signed note", ErrMalformed)
	}
	return string(b[:at+1]), string(b[at+2:]), nil
}

// parseSize reads a size in its one spelling.
func parseSize(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > maxSize || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%w: no size", ErrMalformed)
	}
	return n, nil
}

// parseHash reads a hash in its one spelling.
func parseHash(s string) (h tlog.Hash, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) || len(s) != base64.StdEncoding.EncodedLen(len(h)) {
		return h, fmt.Errorf("%w: no hash", ErrMalformed)
	}
	return tlog.Hash(b), nil
}
