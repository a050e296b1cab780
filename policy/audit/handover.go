package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// A log that changed its key keeps, beside its checkpoint, the last checkpoint by the key
// before with the KEY leaf and its proof: handover-1, handover-2 and so on.
const (
	handoverName = "handover-"
	maxHandovers = 1024
	maxHandover  = 1 << 18 // bytes
)

// handed is a checkpoint under which a pinned key, or one that was handed over by one,
// handed over to the next.
type handed struct {
	*checkpoint
	n int
}

// Follow gives the pinned keys with those that they handed over, as far as the log's
// handovers show it: each is a C2SP tlog-proof of a KEY leaf, whose checkpoint must be as
// good by what is pinned so far as any other. What shows nothing is passed over: then the
// keys stay as they were.
func Follow(pinned *witness.Trust, log fs.FS, now time.Time) *witness.Trust {
	trust, _ := follow(pinned, log, now)
	return trust
}

func follow(trust *witness.Trust, log fs.FS, now time.Time) (*witness.Trust, []handed) {
	var all []handed
	for n := 1; n <= maxHandovers; n++ {
		text, err := readSmall(log, fmt.Sprint(handoverName, n), maxHandover)
		if err != nil {
			break
		}
		h, public, err := readHandover(trust, text, now)
		if err != nil {
			continue
		}
		next, err := trust.With(public)
		if err != nil {
			continue
		}
		trust, all = next, append(all, handed{h, n})
	}
	return trust, all
}

var errHandover = errors.New("no handover of a pinned key")

// readHandover reads a handover and gives its checkpoint and the key that it hands over to.
func readHandover(trust *witness.Trust, text []byte, now time.Time) (*checkpoint, string, error) {
	head, note, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(text) > maxHandover || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return nil, "", errHandover
	}
	extra, ok1 := strings.CutPrefix(lines[1], "extra ")
	place, ok2 := strings.CutPrefix(lines[2], "index ")
	raw, err1 := base64.StdEncoding.Strict().DecodeString(extra)
	index, err2 := strconv.ParseInt(place, 10, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil {
		return nil, "", errHandover
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return nil, "", errHandover
		}
		proof = append(proof, h)
	}
	seen, err := trust.Open([]byte(note), now)
	if err != nil || seen.Size != index+1 || tlog.CheckRecord(proof, seen.Size, seen.Root, index, tlog.RecordHash(raw)) != nil {
		return nil, "", errHandover
	}
	var c cursor
	var l leaf
	if !slices.Contains(leafSizes[:], len(raw)) || !c.parse(raw, &l) || l.kind != "KEY" || string(l.purpose) != "log" || l.passed {
		return nil, "", errHandover
	}
	return &checkpoint{seen.Size, seen.Root, seen}, string(l.id), nil
}

// unpinned says what is wrong with a checkpoint that no pinned key signed, or none of the
// second kind: that a KEY leaf put another key in force which no key before it handed
// over, as where that was lost; or else what was found at first.
func (v *verifier) unpinned(trust *witness.Trust) {
	if v.refused == "" {
		return
	}
	// Only the newest may sign now, and each costs a signature to try.
	newest := v.books.rekeyed[max(0, len(v.books.rekeyed)-maxHandovers):]
	for _, k := range newest {
		with, err := trust.With(k.public)
		if err != nil {
			continue
		}
		seen, err := with.Open(v.text, v.now)
		if seen == nil || v.refused == SM2Invalid && errors.Is(err, witness.ErrSecond) {
			continue
		}
		v.report.find(KeyUnpinned, k.leaf, "the checkpoint is signed by %s, which this leaf put in force and no pinned key handed over: "+
			"the key before it was lost, or somebody says so. Compare it with the domain by another way; if it is theirs, pin it and verify again", k.public)
		return
	}
	v.report.find(v.refused, -1, "the checkpoint: %s", v.why)
}
