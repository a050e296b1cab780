package secagg_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Three nodes add up two numbers each. The loops stand for the transport: every
// node polls the coordinator for what it misses.
func Example() {
	params, err := secagg.GLM()
	check(err)
	_, coordinator, err := ed25519.GenerateKey(rand.Reader)
	check(err)
	roster := secagg.Roster{Coordinator: coordinator.Public().(ed25519.PublicKey)}
	var keys []ed25519.PrivateKey
	for _, name := range []string{"north", "south", "pharma"} {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		check(err)
		keys = append(keys, private)
		roster.Nodes = append(roster.Nodes, secagg.Node{Name: name, Organisation: name + " ltd", Key: public})
	}
	values := [][]int64{{1, -10}, {2, -20}, {3, -30}}
	what := secagg.Open{Job: secagg.Hash{1}, Model: secagg.Hash{2}, Round: 1, Attempt: 1, Length: 2}
	relay, err := secagg.NewRelay(params, roster, coordinator, what, secagg.Memory{})
	check(err)

	open, err := relay.Message(secagg.PhaseOpen, secagg.Coordinator)
	check(err)
	var nodes []*secagg.Attempt
	for i, key := range keys {
		a, err := secagg.Begin(secagg.Options{Params: params, Roster: roster, Self: i, Key: key, Expect: what}, open)
		check(err)
		nodes = append(nodes, a)
	}
	for phase := secagg.PhaseHello; phase <= secagg.PhaseConfirm; phase++ {
		for i, a := range nodes {
			if phase == secagg.PhaseCTCom {
				check(a.Input(values[i]))
			}
			m, err := a.Message()
			check(err)
			check(relay.Put(m))
			for kind := secagg.C0; kind <= secagg.C1 && phase == secagg.PhaseCT; kind++ {
				part, err := a.Part(kind, 0)
				check(err)
				check(relay.PutPart(part))
			}
		}
		for _, a := range nodes {
			for j := range nodes {
				m, err := relay.Message(phase, j)
				check(err)
				check(a.Receive(m))
				if phase == secagg.PhaseCT {
					part, err := relay.Part(secagg.C1, j, 0)
					check(err)
					check(a.ReceivePart(part))
				}
			}
		}
	}

	journal := make([][]byte, len(nodes))
	for i, a := range nodes {
		c, err := a.Cross(func(record []byte) error { journal[i] = record; return nil }) // and the charge: one fsync
		check(err)
		check(relay.Put(c.Share()))
		part, err := c.Part(0)
		check(err)
		check(relay.PutPart(part))
	}
	// The second node crashed and comes back.
	c, err := secagg.Resume(secagg.Options{Params: params, Roster: roster, Self: 1, Key: keys[1]}, journal[1])
	check(err)
	for j := range nodes {
		m, err := relay.Message(secagg.PhaseShare, j)
		check(err)
		check(c.Receive(m))
		for _, kind := range []secagg.Kind{secagg.C0, secagg.Sealed} {
			part, err := relay.Part(kind, j, 0)
			check(err)
			check(c.ReceivePart(part))
		}
	}
	sum, err := c.Sum()
	check(err)
	fmt.Println(sum)
	// Output: [6 -60]
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
