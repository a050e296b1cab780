//go:build duckdb_arrow

package child_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries/sandbox"
)

// asking is as much of a question as a misbehaving process reads.
type asking struct {
	ID    string          `json:"id"`
	Order json.RawMessage `json:"order"`
}

// misbehaviours are processes that speak the protocol only as long as they like:
// what they say to a question.
func misbehaviours() map[string]func(asking) {
	table := `{"Groups":[]}`
	return map[string]func(asking){
		"says-nothing":  func(asking) {},
		"says-garbage":  func(asking) { os.Stdout.Write(bytes.Repeat([]byte("canary-7391 "), 1000)) },
		"says-no-json":  func(asking) { os.Stdout.Write(frame([]byte("canary-7391"))) },
		"says-too-much": func(asking) { os.Stdout.Write([]byte{0xff, 0xff, 0xff, 0xff}); pour() },
		"says-half": func(a asking) {
			b := frame(answerTo(a.ID, fitting(a)))
			os.Stdout.Write(b[:len(b)-1])
		},
		"says-of-another": func(a asking) { os.Stdout.Write(frame(answerTo("0"+a.ID[1:]+"0", fitting(a)))) },
		"says-more-keys": func(a asking) {
			os.Stdout.Write(frame([]byte(`{"id":"` + a.ID + `","ok":true,"table":` + fitting(a) + `,"refused":"","totals":1}`)))
		},
		"says-with-spaces": func(a asking) {
			os.Stdout.Write(frame([]byte(`{"id":"` + a.ID + `", "ok":true,"table":` + fitting(a) + `,"refused":""}`)))
		},
		"says-other-shape":     func(a asking) { os.Stdout.Write(frame(answerTo(a.ID, table))) },
		"says-null":            func(a asking) { os.Stdout.Write(frame(answerTo(a.ID, "null"))) },
		"says-totals":          func(a asking) { os.Stdout.Write(frame(answerTo(a.ID, totals()))) },
		"says-twice":           func(a asking) { b := frame(answerTo(a.ID, fitting(a))); os.Stdout.Write(append(b, b...)) },
		"says-and-stays":       func(a asking) { os.Stdout.Write(frame(answerTo(a.ID, fitting(a)))); time.Sleep(time.Hour) },
		"says-and-fails":       func(a asking) { os.Stdout.Write(frame(answerTo(a.ID, fitting(a)))); os.Exit(1) },
		"says-what-is-checked": func(a asking) { os.Stdout.Write(frame(answerTo(a.ID, fitting(a)))) }, // the one that is taken
	}
}

// totals is what comes of sending un-noised totals back: they say nothing.
func totals() string {
	t, err := dp.NewTotals(dp.Spec{L0: 1, K: 20, MaxRows: 1, MaxPeople: 10})
	if err != nil {
		return "0"
	}
	b, err := json.Marshal(t)
	if err != nil {
		return "1"
	}
	return string(b)
}

// fitting is a table of the shape that is asked for, all suppressed.
func fitting(a asking) string {
	o := sealed(a.Order)
	t := dp.Table{Groups: []dp.Group{}}
	for _, keys := range everyKey(o.Plan().Spec().Keys) {
		t.Groups = append(t.Groups, dp.Group{Keys: keys, Suppressed: true})
	}
	b, err := json.Marshal(t)
	if err != nil {
		return "null"
	}
	return string(b)
}

// everyKey is every key of public groups, the first key slowest.
func everyKey(keys []dp.Key) [][]string {
	out := [][]string{{}}
	for _, k := range keys {
		var longer [][]string
		for _, prefix := range out {
			for _, v := range k.Values {
				longer = append(longer, append(append([]string{}, prefix...), v))
			}
		}
		out = longer
	}
	return out
}

func answerTo(id, table string) []byte {
	return []byte(`{"id":"` + id + `","ok":true,"table":` + table + `,"refused":""}`)
}

func frame(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// pour writes until nobody reads.
func pour() {
	for b := make([]byte, 1<<20); ; {
		if _, err := os.Stdout.Write(b); err != nil {
			return
		}
	}
}

// misbehave greets as a process does, and then does what it does to each question.
func misbehave(say func(asking)) int {
	read := func() []byte {
		var head [4]byte
		if _, err := io.ReadFull(os.Stdin, head[:]); err != nil {
			os.Exit(0)
		}
		body := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(os.Stdin, body); err != nil {
			os.Exit(0)
		}
		return body
	}
	for range sandbox.Stages {
		read()
	}
	os.Stdout.Write(frame([]byte(`{"sandbox":{"files":false,"landlock":0,"no_network":false,"no_programs":false}}`)))
	var a asking
	if json.Unmarshal(read(), &a) != nil {
		return 1
	}
	say(a)
	return 0
}
