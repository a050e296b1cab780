package federated

import (
	"encoding/binary"
	"errors"
	"os"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// feed is the order in which a coordinator published things: a file of fixed-length
// entries beside the files they name. It is not fsynced: what a crash cuts off is
// published again, and who has read further reads from the start.
type feed struct {
	dir   folder
	file  *os.File
	items []Item
	have  map[string]bool
}

const entryBytes = 1 + 8 + 1 + 1 + 2 + 2

func (it Item) entry() []byte {
	b := binary.BigEndian.AppendUint64([]byte{byte(it.Sort)}, it.Attempt)
	b = append(b, byte(it.Phase), byte(it.Kind))
	b = binary.BigEndian.AppendUint16(b, uint16(it.Node))
	return binary.BigEndian.AppendUint16(b, uint16(it.Chunk))
}

func parseEntry(b []byte) Item {
	return Item{
		Sort: Sort(b[0]), Attempt: binary.BigEndian.Uint64(b[1:]), Phase: secagg.Phase(b[9]), Kind: secagg.Kind(b[10]),
		Node: int(binary.BigEndian.Uint16(b[11:])), Chunk: int(binary.BigEndian.Uint16(b[13:])),
	}
}

func openFeed(dir folder) (*feed, error) {
	f, err := os.OpenFile(dir.path("feed"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	d := &feed{dir: dir, file: f, have: map[string]bool{}}
	b, err := os.ReadFile(dir.path("feed"))
	for ; len(b) >= entryBytes; b = b[entryBytes:] {
		it := parseEntry(b)
		if _, missing := d.size(it); missing != nil {
			break
		}
		d.items = append(d.items, it)
		d.have[string(it.entry())] = true
	}
	return d, errors.Join(err, f.Truncate(int64(len(d.items)*entryBytes)))
}

// add publishes an item, once.
func (d *feed) add(it Item) error {
	e := it.entry()
	if d.have[string(e)] {
		return nil
	}
	if _, err := d.file.WriteAt(e, int64(len(d.items)*entryBytes)); err != nil {
		return err
	}
	d.items, d.have[string(e)] = append(d.items, it), true
	return nil
}

// place is where an item's bytes are in the job's folder.
func (it Item) place() (in, name string) {
	switch it.Sort {
	case SortApproval:
		return "", approvalName(it.Node)
	case SortNotice:
		return "", noticeName(it)
	case SortMessage:
		return attemptName(it.Attempt), messageName(it.Phase, it.Node)
	case SortPart:
		return attemptName(it.Attempt), partName(it.Kind, it.Node, it.Chunk)
	}
	return "", "ended"
}

// body is an item's bytes, from the folder.
func (d *feed) body(it Item) ([]byte, error) {
	in, name := it.place()
	return folder(d.dir.path(in)).Get(name)
}

// size is the length of an item's bytes.
func (d *feed) size(it Item) (int64, error) {
	in, name := it.place()
	info, err := os.Stat(folder(d.dir.path(in)).path(name))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
