//go:build unix

package secagg

import (
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time of the process: on a busy machine the clock on the
// wall measures the others.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRound is the processor time of one node, of 20, in one round of a generalised
// linear model: every phase of the protocol, all checks and the decoding. The bar
// is 100 ms.
func BenchmarkRound(b *testing.B) {
	p, err := GLM()
	if err != nil {
		b.Fatal(err)
	}
	spent := map[string]time.Duration{}
	clock := func(what string, f func()) {
		start := cpu(b)
		f()
		d := cpu(b) - start
		spent[what] += d
		spent["ms/round"] += d
	}
	for range b.N {
		c := newCluster(b, p, 20, 8132)
		open, err := c.relay.Message(PhaseOpen, Coordinator)
		c.ok(err)
		clock("hello-ms", func() { c.nodes[0], err = Begin(c.options(0), open) })
		c.ok(err)
		for f := PhaseHello; f <= PhaseConfirm; f++ {
			if f == PhaseCTCom {
				clock("encrypt-ms", func() { c.ok(c.nodes[0].Input(c.values[0])) })
				m, err := c.nodes[0].Message()
				c.ok(err)
				c.ok(c.relay.Put(m))
				rest := *c
				rest.nodes, rest.values = c.nodes[1:], c.values[1:]
				rest.collect(f)
			} else {
				c.collect(f)
			}
			clock(f.String()+"-ms", func() { c.ok(c.deliverTo(0, f)) })
			for i := 1; i < 20; i++ {
				c.ok(c.deliverTo(i, f))
			}
		}
		for i := 1; i < 20; i++ {
			c.ends[i], err = c.nodes[i].Cross(func([]byte) error { return nil })
			c.ok(err)
		}
		clock("cross-ms", func() { c.ends[0], err = c.nodes[0].Cross(func([]byte) error { return nil }) })
		c.ok(err)
		for _, e := range c.ends {
			c.ok(c.relay.Put(e.Share()))
			q, err := e.Part(0)
			c.ok(err)
			c.ok(c.relay.PutPart(q))
		}
		clock("combine-ms", func() { _, err = c.combine(0) })
		c.ok(err)
	}
	for what, d := range spent {
		b.ReportMetric(float64(d.Microseconds())/1000/float64(b.N), what)
	}
}

// BenchmarkVector is a vector of 1e6 values: bytes one node sends, and fetches
// with 20 nodes, against float32, and what encryption and share cost a node.
func BenchmarkVector(b *testing.B) {
	p, err := Vector()
	if err != nil {
		b.Fatal(err)
	}
	const length, nodes = 1_000_000, 20
	s := Shape{p, nodes, length}
	chunks := p.Chunks(length)
	up, down := s.Traffic()
	lat := keyed(b, p, 2)
	lat[1].b = lat[0].b
	values := fullRange(b, p, nodes, p.Capacity())
	m := make([]uint64, p.degree()*p.tables.words)
	x, sum := p.ring.NewPoly(), p.ring.NewPoly()
	var c0, c1 []byte
	spent := map[string]time.Duration{}
	parts := map[string]func(){
		"pack": func() { err = p.pack(values, 1, nodes, m) },
		"19-pads": func() {
			for j := range 19 {
				_ = p.addPad(hash("pad", place(0, j)), 0, j%2 == 0, m)
			}
		},
		"encrypt": func() { c0, c1, err = lat[1].encrypt(m) },
		"wire":    func() { err = p.readPoly(c1, x) },
		"share":   func() { _, err = lat[1].share(x) },
		"commit":  func() { _ = commitPart(Hash{}, C0, 0, 0, c0) },
		"decode":  func() { err = p.decode(sum, nodes, m) },
	}
	for b.Loop() {
		for _, what := range []string{"pack", "19-pads", "encrypt", "wire", "share", "commit", "decode"} {
			start := cpu(b)
			parts[what]()
			spent[what] += cpu(b) - start
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	for what, d := range spent {
		b.ReportMetric(float64(d.Microseconds())/1000/float64(b.N), what+"-ms/chunk")
	}
	b.ReportMetric(float64(up)/(4*length), "up/float32")
	b.ReportMetric(float64(chunks), "chunks")
	b.ReportMetric(float64(down)/1e6, "MB-down")
}

// BenchmarkAddition compares adding one node's share of the ring elements of 1e6
// values (c1 before the barrier; c0 and the share after it) with adding 1e6
// int64. The coordinator adds nothing at all.
func BenchmarkAddition(b *testing.B) {
	p, err := Vector()
	if err != nil {
		b.Fatal(err)
	}
	x, y := p.expand(hash("x")), p.expand(hash("y"))
	chunks := p.Chunks(1_000_000)
	v, w := make([]int64, 1_000_000), make([]int64, 1_000_000)
	b.Run("int64", func(b *testing.B) {
		for b.Loop() {
			for i := range v {
				v[i] += w[i]
			}
		}
	})
	b.Run("one-element-of-each-chunk", func(b *testing.B) {
		for b.Loop() {
			for range chunks {
				p.ring.Add(x, y, x)
			}
		}
	})
}
