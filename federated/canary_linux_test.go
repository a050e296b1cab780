package federated

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// needles are byte strings, by their first two bytes, that a search looks for.
type needles map[uint16][]needle

type needle struct {
	what string
	b    []byte
}

// add takes a needle without the bytes at its start that all memory is full of.
func (n needles) add(what string, b []byte) {
	for len(b) > 6 && (b[0] == 0 || b[0] == 255) {
		b = b[1:]
	}
	first := binary.LittleEndian.Uint16(b)
	n[first] = append(n[first], needle{what, b})
}

// vector adds a node's numbers in every form that a slip would have them in: two
// neighbours as integers, one in decimal, one as a real number.
func (n needles) vector(what string, values []int64, unit float64) (added int) {
	for i := 0; i+1 < len(values); i++ {
		v, next := values[i], values[i+1]
		if max(v, -v) < 1<<33 || max(next, -next) < 1<<33 || v%(1<<20) == 0 {
			continue // not distinctive: a count of people, or a cell that is not sent
		}
		n.add(what, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(v)), uint64(next)))
		n.add(what, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(v)), uint64(next)))
		n.add(what+" in decimal", fmt.Append(nil, v))
		n.add(what+" as a number", binary.LittleEndian.AppendUint64(nil, math.Float64bits(float64(v)*unit)))
		added++
	}
	return added
}

// search says what is found in b, each once.
func (n needles) search(b []byte, found map[string]bool) {
	var filter [1 << 16]bool
	for first := range n {
		filter[first] = true
	}
	for i := 0; i+1 < len(b); i++ {
		first := uint16(b[i]) | uint16(b[i+1])<<8
		if !filter[first] {
			continue
		}
		for _, x := range n[first] {
			if bytes.HasPrefix(b[i:], x.b) {
				found[x.what] = true
			}
		}
	}
}

// files searches everything under a folder.
func (n needles) files(t *testing.T, root string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	must(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		n.search(b, found)
		return err
	}))
	return found
}

// memory searches all memory that a process can write to.
func (n needles) memory(t *testing.T, pid int) map[string]bool {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	must(t, err)
	defer maps.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	must(t, err)
	defer mem.Close()
	found, total := map[string]bool{}, int64(0)
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); err != nil || !strings.HasPrefix(rights, "rw") {
			continue
		}
		// What was reserved and never touched reads as zeros, or not at all.
		for block := make([]byte, 1<<20); from < to; from += int64(len(block)) - 64 {
			k, err := mem.ReadAt(block[:min(int64(len(block)), to-from)], from)
			if k == 0 || err != nil && err != io.EOF {
				break
			}
			n.search(block[:k], found)
			total += int64(k)
		}
	}
	t.Logf("%d MiB of memory searched", total>>20)
	if total < 1<<20 {
		t.Fatalf("only %d bytes of the process could be read", total)
	}
	return found
}

// The coordinator is a process of its own, which never collects garbage: whatever it has
// ever had is in its memory. After a run none of any node's exact numbers, of no round,
// is there, nor the sum, nor an opened share; and not in its files and its log. The
// same search finds what is put there on purpose.
func TestAttackCanary(t *testing.T) {
	const rounds = 2
	w := newWorld(t, rounds, 3000)
	must(t, w.c.Close())
	w.c = nil
	p := w.startCoordinator()
	for i := range w.parties {
		w.parties[i].transport = p
	}
	w.openNodes()
	list, canaries := needles{}, 0
	known, end := map[string]bool{}, time.Now().Add(5*time.Minute)
	for !w.over() {
		for i, q := range w.parties {
			what := fmt.Sprintf("node %d in round %d", i, q.node.Round())
			if known[what] {
				continue
			}
			if d, err := q.node.DryRun(); err == nil { // noise is off: the very numbers
				known[what] = true
				canaries += list.vector(what, d.Values, d.Unit)
			}
		}
		if !w.turn() {
			time.Sleep(time.Millisecond)
		}
		if time.Now().After(end) {
			t.Fatal("the job does not end")
		}
	}
	if len(known) != rounds*len(w.parties) || canaries < 30 {
		t.Fatalf("%d vectors with %d canaries", len(known), canaries)
	}
	for r := range uint64(rounds) {
		store := folder(filepath.Join(w.parties[0].dir, attemptName(r+1)))
		sum, err := store.Get("sum")
		must(t, err)
		canaries += list.vector("the sum", parseSum(sum), 1)
		for i := range w.parties {
			share, err := store.Get(partName(secagg.Opened, i, 0))
			must(t, err)
			list.add("an opened share", share[len(share)/2:][:32])
		}
	}
	w.sameModel()
	where := func() map[string]map[string]bool {
		return map[string]map[string]bool{"memory": list.memory(t, p.cmd.Process.Pid), "files and log": list.files(t, p.dir)}
	}
	for place, found := range where() {
		for what := range found {
			t.Errorf("%s is in the coordinator's %s", what, place)
		}
	}
	for _, same := range list {
		x := same[0]
		must(t, p.call("Leak", x.b, new(bool)))
		for place, found := range where() {
			if !found[x.what] {
				t.Errorf("%s put into the coordinator's %s is not found", x.what, place)
			}
		}
		break
	}
}
