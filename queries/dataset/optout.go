package dataset

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// EpochLength is how long an epoch of the opt-out register lasts: a whole day
// in China Standard Time. Epochs follow the calendar whether or not anybody has
// opted out, so that their change says nothing.
const EpochLength = 24 * time.Hour

// Epoch is the number of the epoch at a time: whole days since 1 January 1970
// in China Standard Time.
func Epoch(at time.Time) int64 {
	_, offset := at.In(chinaTime()).Zone()
	seconds := at.Unix() + int64(offset)
	length := int64(EpochLength / time.Second)
	n := seconds / length
	if seconds%length < 0 {
		n--
	}
	return n
}

// epochDay is the day an epoch covers.
func epochDay(epoch int64) string {
	return time.Unix(epoch*int64(EpochLength/time.Second), 0).UTC().Format("2006-01-02")
}

// OptOutPath is the register's file in a domain's directory.
func OptOutPath(domain string) string { return filepath.Join(domain, "optout") }

// A line of the register: epoch, mark, psn_key, check, each of fixed width, so
// that a line torn by a crash can be told from a damaged one. The mark says
// whether somebody registered this key, or a registered alias led to it.
const (
	given   = ' '
	implied = '+'

	epochDigits = 8
	keyDigits   = 30
	lineLen     = epochDigits + 1 + keyDigits + 1 + 8 + 1
)

// AddOptOut registers people by their source identifiers, as of the epoch of
// at: they are left out of every run of a later epoch. The file is append-only
// and fsynced before AddOptOut returns; it holds psn_keys, not identifiers.
// A person who is in already stays in from the first registration. An empty
// identifier is ErrOptOut, and then nothing is written.
//
// An identifier is taken as [NormalIdentifier] has it, and may be any by which
// the source knows the person: the one psn_key is made from, or an alias, for
// which [ResolveOptOuts] finds the person. Whether it leads to anybody yet is
// not asked here.
func AddOptOut(domain string, key Key, ids []string, at time.Time) error {
	keys, err := OptOutKeys(key, ids)
	if err != nil {
		return err
	}
	return AddOptOutKeys(domain, keys, at)
}

// OptOutKeys gives the psn_keys of people by their source identifiers, each once and in
// order. An empty identifier is ErrOptOut.
func OptOutKeys(key Key, ids []string) ([]PsnKey, error) {
	var keys []PsnKey
	for _, id := range ids {
		if NormalIdentifier(id) == "" {
			return nil, fmt.Errorf("%w: an identifier is empty", ErrOptOut)
		}
		keys = append(keys, key.PersonKey(id))
	}
	slices.SortFunc(keys, func(a, b PsnKey) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(keys), nil
}

// AddOptOutKeys is [AddOptOut] of psn_keys.
func AddOptOutKeys(domain string, keys []PsnKey, at time.Time) error {
	var lines bytes.Buffer
	for _, k := range keys {
		lines.WriteString(optOutLine(Epoch(at), k, given))
	}
	if Epoch(at) < 0 || Epoch(at) > 99_999_999 {
		return fmt.Errorf("%w: the date is out of range", ErrOptOut)
	}
	if lines.Len() == 0 {
		return nil
	}
	if err := appendOptOut(OptOutPath(domain), lines.Bytes()); err != nil {
		return fmt.Errorf("%w: it cannot be written", ErrOptOut)
	}
	return nil
}

func optOutLine(epoch int64, p PsnKey, mark rune) string {
	body := fmt.Sprintf("%0*d%c%s", epochDigits, epoch, mark, p.hex30())
	return fmt.Sprintf("%s %08x\n", body, crc32.ChecksumIEEE([]byte(body)))
}

// appendOptOut appends under a lock. A torn last line, which was never
// acknowledged, is closed off first, so that it cannot swallow the next one.
func appendOptOut(path string, lines []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := lockExclusive(f); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if size := info.Size(); size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			lines = append([]byte("\n"), lines...)
		}
	}
	if _, err := f.Write(lines); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// optOut is one registration.
type optOut struct {
	key     PsnKey
	epoch   int64
	implied bool
}

// readOptOuts reads the register, first registration of each person only. A
// short line is one torn by a crash before it was acknowledged: it is passed
// over. A whole line that fails its check is damage: ErrOptOut, for to run
// without it would be to ignore somebody's opt-out.
func readOptOuts(domain string) ([]optOut, error) {
	text, err := os.ReadFile(OptOutPath(domain))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be read", ErrOptOut)
	}
	var all []optOut
	at := map[PsnKey]int{}
	for n, line := range bytes.SplitAfter(text, []byte("\n")) {
		if len(line) < lineLen {
			continue
		}
		o, ok := parseOptOut(string(line))
		if !ok {
			return nil, fmt.Errorf("%w: line %d is damaged", ErrOptOut, n+1)
		}
		i, seen := at[o.key]
		switch {
		case !seen:
			at[o.key] = len(all)
			all = append(all, o)
		case o.epoch < all[i].epoch: // an alias registered earlier
			all[i].epoch = o.epoch
		}
		if seen && !o.implied {
			all[i].implied = false
		}
	}
	return all, nil
}

func parseOptOut(line string) (optOut, bool) {
	var o optOut
	if len(line) != lineLen {
		return o, false
	}
	epoch, err := strconv.ParseInt(line[:epochDigits], 10, 64)
	if err != nil {
		return o, false
	}
	key, err := hex.DecodeString(line[epochDigits+1 : epochDigits+1+keyDigits])
	if err != nil {
		return o, false
	}
	o.epoch, o.implied = epoch, line[epochDigits] == implied
	copy(o.key[1:], key)
	mark := given
	if o.implied {
		mark = implied
	}
	return o, optOutLine(o.epoch, o.key, mark) == line
}

// OptOuts returns the psn_keys of those who registered in an epoch before the
// given one, sorted: a run of that epoch leaves them out.
func OptOuts(domain string, epoch int64) ([]PsnKey, error) {
	all, err := readOptOuts(domain)
	if err != nil {
		return nil, err
	}
	var keys []PsnKey
	for _, o := range all {
		if o.epoch < epoch {
			keys = append(keys, o.key)
		}
	}
	slices.SortFunc(keys, func(a, b PsnKey) int { return bytes.Compare(a[:], b[:]) })
	return keys, nil
}

// OptOutDay says how many people registered on one day. It is for the steward,
// inside the domain.
type OptOutDay struct {
	Day    string `json:"day"` // registration, in China Standard Time
	People int    `json:"people"`
}

// ListOptOuts counts registrations by day; it names nobody.
func ListOptOuts(domain string) ([]OptOutDay, error) {
	all, err := readOptOuts(domain)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b optOut) int { return int(a.epoch - b.epoch) })
	var days []OptOutDay
	for _, o := range all {
		if o.implied { // counted where the alias is
			continue
		}
		d := epochDay(o.epoch)
		if len(days) == 0 || days[len(days)-1].Day != d {
			days = append(days, OptOutDay{Day: d})
		}
		days[len(days)-1].People++
	}
	return days, nil
}
