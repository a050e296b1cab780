package child

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/sandbox"
)

// errWire means that the other side did not keep to the protocol.
var errWire = errors.New("not as the protocol says")

// Frames are a length of 4 bytes, the highest first, and JSON of that many bytes.
const (
	maxLaunch = 1 << 16
	maxHello  = 1 << 12
	maxAsked  = 1 << 28 // orders are small, but name everybody who has opted out
	maxSaid   = 1 << 28
)

// launch tells a process who it is. It is sent once for each stage of the sandbox.
type launch struct {
	Domain   string `json:"domain"`   // "" where it is given no snapshot
	Snapshot string `json:"snapshot"` // id
	Folder   string `json:"folder"`   // of the snapshot
	Temp     string `json:"temp"`     // its own; "" = none
	Memory   int64  `json:"memory"`
	Off      bool   `json:"off"` // no sandbox
}

func (l launch) options() sandbox.Options {
	o := sandbox.Options{Memory: l.Memory, FileSize: maxTempFile, Off: l.Off}
	if l.Folder != "" {
		o.Read = []string{l.Folder}
	}
	if l.Temp != "" {
		o.Write = []string{l.Temp}
	}
	return o
}

// maxTempFile is as much as DuckDB may spill.
const maxTempFile = 16 << 30

// hello is what a process says first: how it is shut in.
type hello struct {
	Sandbox sandbox.Report `json:"sandbox"`
}

// What a process is asked to do.
const (
	doAnswer = "answer"
	doCheck  = "check"
	doReady  = "ready" // say whether the snapshot and the temporary folder are in reach; no order
)

// asked is one question to a process.
type asked struct {
	ID      string         `json:"id"` // new for each question
	Do      string         `json:"do"`
	Order   *queries.Order `json:"order"`
	OptOuts []byte         `json:"opt_outs"` // psn_keys of 16 bytes each
}

// said is what it says: a table to an answer, and to a check nothing, or why not.
// An answer that there is not has no reason.
type said struct {
	ID      string    `json:"id"`
	OK      bool      `json:"ok"`
	Table   *dp.Table `json:"table"`
	Refused string    `json:"refused"`
}

// send writes one frame.
func send(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	_, err = w.Write(append(frame, body...))
	return err
}

// receive reads one frame of at most so many bytes. It takes only what send would
// have written: no other keys, no other order, no spaces. The error quotes nothing.
func receive(r io.Reader, most uint32, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("%w: no frame", errWire)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > most {
		return fmt.Errorf("%w: too long", errWire)
	}
	var body bytes.Buffer // which grows with what is there, not with what is promised
	if _, err := io.CopyN(&body, r, int64(n)); err != nil {
		return fmt.Errorf("%w: cut short", errWire)
	}
	if err := json.Unmarshal(body.Bytes(), v); err != nil {
		return fmt.Errorf("%w: no JSON", errWire)
	}
	if again, err := json.Marshal(v); err != nil || !bytes.Equal(again, body.Bytes()) {
		return fmt.Errorf("%w: not canonical", errWire)
	}
	return nil
}
