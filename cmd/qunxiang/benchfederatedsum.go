package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// The steps of a round at a node, in order.
var benchSteps = []string{
	"HELLO: ephemeral keys", "KEYCOM: keys of pairs", "KEYOPEN: common key", "CTCOM: pads, encryption", "CT: checks, own share",
	"CONFIRM: barrier", "SHARE: sealing", "sum: opening, decoding",
}

// sumBench runs secure sums of all parties in this process and keeps accounts.
type sumBench struct {
	params *secagg.Params
	roster secagg.Roster
	coord  ed25519.PrivateKey
	keys   []ed25519.PrivateKey

	spent    [8]time.Duration // by step, of all nodes
	relaying time.Duration
	hashing  time.Duration
	up, down int64
	sums     int
}

func newSumBench(p *secagg.Params, nodes int) (*sumBench, error) {
	b := &sumBench{params: p}
	for i := range nodes + 1 {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		if i == nodes {
			b.coord, b.roster.Coordinator = private, public
			break
		}
		name := fmt.Sprint("node-", i)
		b.keys = append(b.keys, private)
		b.roster.Nodes = append(b.roster.Nodes, secagg.Node{Name: name, Organisation: name, Key: public})
	}
	return b, nil
}

// clock adds the processor time of f to an account.
func clock(account *time.Duration, f func() error) error {
	start := cpuTime()
	err := f()
	*account += cpuTime() - start
	return err
}

// oneSum is the state of one attempt.
type oneSum struct {
	*sumBench
	open   secagg.Open
	relay  *secagg.Relay
	store  secagg.Memory
	nodes  []*secagg.Attempt
	ends   []*secagg.Combination
	chunks int
}

// sum makes one attempt of all nodes, every check and every node's decoding included.
func (b *sumBench) sum(values [][]int64) ([]int64, error) {
	b.sums++
	s := &oneSum{sumBench: b, store: secagg.Memory{}, chunks: b.params.Chunks(len(values[0]))}
	s.open = secagg.Open{Round: uint32(b.sums), Attempt: uint64(b.sums), Length: uint32(len(values[0]))}
	if err := s.begin(); err != nil {
		return nil, err
	}
	for f := secagg.PhaseHello; f <= secagg.PhaseConfirm; f++ {
		if err := s.speak(f, values); err != nil {
			return nil, fmt.Errorf("%v: %w", f, err)
		}
		for i := range s.nodes {
			if err := s.listen(f, i); err != nil {
				return nil, fmt.Errorf("%v: %w", f, err)
			}
		}
	}
	if err := s.cross(); err != nil {
		return nil, err
	}
	var first []int64
	for i := range s.ends {
		sum, err := s.combine(i)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = sum
		}
		if !slices.Equal(first, sum) {
			return nil, fmt.Errorf("node %d has another sum", i)
		}
	}
	return first, s.hash()
}

func (s *oneSum) begin() (err error) {
	if s.relay, err = secagg.NewRelay(s.params, s.roster, s.coord, s.open, s.store); err != nil {
		return err
	}
	open, err := s.relay.Message(secagg.PhaseOpen, secagg.Coordinator)
	if err != nil {
		return err
	}
	s.nodes, s.ends = make([]*secagg.Attempt, len(s.keys)), make([]*secagg.Combination, len(s.keys))
	return clock(&s.spent[0], func() error {
		for i, key := range s.keys {
			o := secagg.Options{Params: s.params, Roster: s.roster, Self: i, Key: key, Expect: s.open}
			if s.nodes[i], err = secagg.Begin(o, open); err != nil {
				return err
			}
		}
		return nil
	})
}

// speak has every node send its message of a phase, and its ciphertexts.
func (s *oneSum) speak(f secagg.Phase, values [][]int64) error {
	account := &s.spent[f-secagg.PhaseHello]
	for i, a := range s.nodes {
		var m secagg.Message
		err := clock(account, func() (err error) {
			if f == secagg.PhaseCTCom {
				if err := a.Input(values[i]); err != nil {
					return err
				}
			}
			m, err = a.Message()
			return err
		})
		if err != nil {
			return err
		}
		if err := s.send(m); err != nil {
			return err
		}
		for k := 0; f == secagg.PhaseCT && k < s.chunks; k++ {
			for _, kind := range []secagg.Kind{secagg.C0, secagg.C1} {
				p, err := a.Part(kind, k)
				if err != nil {
					return err
				}
				if err := s.sendPart(p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// send and sendPart are a node's way to the coordinator.
func (s *oneSum) send(m secagg.Message) error {
	s.up += int64(len(m.Append(nil)))
	return clock(&s.relaying, func() error { return s.relay.Put(m) })
}

func (s *oneSum) sendPart(p secagg.Part) error {
	s.up += int64(len(p.Append(nil)))
	return clock(&s.relaying, func() error { return s.relay.PutPart(p) })
}

// listen hands node i everybody's messages of a phase, and the others' c1.
func (s *oneSum) listen(f secagg.Phase, i int) error {
	account := &s.spent[f-secagg.PhaseHello]
	for j := range s.nodes {
		m, err := s.relay.Message(f, j)
		if err != nil {
			return err
		}
		s.down += int64(len(m.Append(nil)))
		if err := clock(account, func() error { return s.nodes[i].Receive(m) }); err != nil {
			return err
		}
		for k := 0; f == secagg.PhaseCT && j != i && k < s.chunks; k++ {
			p, err := s.fetch(secagg.C1, j, k)
			if err != nil {
				return err
			}
			if err := clock(account, func() error { return s.nodes[i].ReceivePart(p) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *oneSum) fetch(kind secagg.Kind, node, chunk int) (secagg.Part, error) {
	p, err := s.relay.Part(kind, node, chunk)
	s.down += int64(len(p.Append(nil)))
	return p, err
}

// cross takes all nodes over the barrier; their records are kept by nobody.
func (s *oneSum) cross() error {
	for i, a := range s.nodes {
		err := clock(&s.spent[6], func() (err error) {
			s.ends[i], err = a.Cross(func([]byte) error { return nil })
			return err
		})
		if err != nil {
			return err
		}
		if err := s.send(s.ends[i].Share()); err != nil {
			return err
		}
		for k := range s.chunks {
			p, err := s.ends[i].Part(k)
			if err != nil {
				return err
			}
			if err := s.sendPart(p); err != nil {
				return err
			}
		}
	}
	s.nodes = nil
	return nil
}

// combine gives node i all that comes after the barrier, and decodes.
func (s *oneSum) combine(i int) (sum []int64, err error) {
	account, e := &s.spent[7], s.ends[i]
	for j := range s.ends {
		m, err := s.relay.Message(secagg.PhaseShare, j)
		if err != nil {
			return nil, err
		}
		s.down += int64(len(m.Append(nil)))
		if err := clock(account, func() error { return e.Receive(m) }); err != nil {
			return nil, err
		}
		for k := range s.chunks {
			for _, kind := range []secagg.Kind{secagg.C0, secagg.Sealed} {
				p, err := s.fetch(kind, j, k)
				if err != nil {
					return nil, err
				}
				if err := clock(account, func() error { return e.ReceivePart(p) }); err != nil {
					return nil, err
				}
			}
		}
	}
	err = clock(account, func() error { sum, err = e.Sum(); return err })
	if err != nil {
		return nil, err
	}
	var m secagg.Message
	if err := clock(account, func() error { m, err = e.Result(secagg.Hash{}); return err }); err != nil {
		return nil, err
	}
	return sum, s.send(m)
}

// hash is the yardstick: SHA-256 of as many bytes as the nodes sent and received.
func (s *oneSum) hash() error {
	left := (s.up + s.down) / int64(s.sums) // of this sum: all are alike
	block := make([]byte, 1<<20)
	return clock(&s.hashing, func() error {
		h := sha256.New()
		for ; left > 0; left -= int64(len(block)) {
			h.Write(block[:min(left, int64(len(block)))])
		}
		h.Sum(nil)
		return nil
	})
}

// report is what all sums cost a node on average.
func (b *sumBench) report(values int) *benchFederatedResult {
	per := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.sums*len(b.keys)) }
	r := &benchFederatedResult{
		Nodes: len(b.keys), Set: b.params.Name(), Values: values, Rounds: b.sums, HashMS: per(b.hashing), RelayMS: per(b.relaying),
		Up: float64(b.up) / float64(b.sums*len(b.keys)), Down: float64(b.down) / float64(b.sums*len(b.keys)),
	}
	for i, d := range b.spent {
		r.Steps = append(r.Steps, timed{benchSteps[i], per(d)})
		r.CryptoMS += per(d)
	}
	r.HashRatio = r.CryptoMS / r.HashMS
	r.Expansion, r.DownRatio = r.Up/float64(4*values), r.Down/float64(4*values)
	return r
}

// additionRatio takes both additions in turn, often enough for the clock.
func additionRatio(p *secagg.Params, values int) float64 {
	add := p.Addition(values)
	v, w := make([]int64, values), make([]int64, values)
	var ours, plain time.Duration
	for range 20 {
		_ = clock(&ours, func() error {
			for range 1 + 1_000_000/values {
				add()
			}
			return nil
		})
		_ = clock(&plain, func() error {
			for range 1 + 1_000_000/values {
				for i := range v {
					v[i] += w[i]
				}
			}
			return nil
		})
	}
	return float64(ours) / float64(max(plain, 1))
}
