package federated

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Spares is how many attempts beyond one per round a job may burn.
const Spares = 2

// Card is a job card: all that the owners agree on before anything is trained, and
// the only thing that nodes take their instructions from. Its digest names the job.
type Card struct {
	Version     string       `json:"version"` // "qunxiang-card/1"
	Job         string       `json:"job"`     // lower case, digits and hyphens
	Purpose     string       `json:"purpose"` // one of policy.Purposes
	Description string       `json:"description"`
	Source      Source       `json:"source"`
	Model       Model        `json:"model"`
	Privacy     Privacy      `json:"privacy"`
	Expect      Expect       `json:"expect"`
	Until       string       `json:"until"` // last day on which an attempt may begin, 2006-01-02 in UTC
	Deadlines   Deadlines    `json:"deadlines"`
	Recipients  []string     `json:"recipients"` // organisations that receive the model; those of nodes do in any case
	Coordinator Organisation `json:"coordinator"`
	Nodes       []Member     `json:"nodes"`
}

// Source is where every node's rows come from: a certified feature template, with
// its parameters. They alone decide which years of records are charged.
type Source struct {
	Template   string            `json:"template"`   // id@version
	Digest     string            `json:"digest"`     // SHA-256 of the certified pair, in hex
	Parameters map[string]string `json:"parameters"` // as text, as in a request
}

// Model is what is fitted: the numbers of a glm.Spec.
type Model struct {
	Family    glm.Family `json:"family"`
	Power     float64    `json:"power,omitempty"`
	Theta     float64    `json:"theta,omitempty"`
	Ridge     float64    `json:"ridge,omitempty"`
	StartMean float64    `json:"start_mean"`
	Rounds    int        `json:"rounds,omitempty"`
	Exposure  bool       `json:"exposure,omitempty"`
	Weights   bool       `json:"weights,omitempty"`
	Response  Response   `json:"response"`
	Features  []Feature  `json:"features"`
	Caps      Caps       `json:"caps,omitempty"`
	Bits      int        `json:"bits,omitempty"`
	Network   *Network   `json:"network,omitempty"` // in place of a regression
}

// Network makes the model a multi-layer perceptron, trained by first-order steps: see
// glm.NetworkSpec. Rounds are its steps.
type Network struct {
	Hidden    []int   `json:"hidden"`
	Rectified bool    `json:"rectified,omitempty"`
	Seed      int64   `json:"seed"`
	Rate      float64 `json:"rate"`
	Momentum  float64 `json:"momentum,omitempty"`
	ClipNorm  float64 `json:"clip_norm,omitempty"`
}

// Response is what is modelled, with its unit and the range the data must keep.
type Response struct {
	Name  string     `json:"name"`
	Unit  string     `json:"unit"`
	Range [2]float64 `json:"range"`
	Scale float64    `json:"scale,omitempty"`
}

// Feature is a number with unit and range, or a factor with a code list's version.
type Feature struct {
	Name     string      `json:"name"`
	Unit     string      `json:"unit,omitempty"`
	Range    *[2]float64 `json:"range,omitempty"`
	CodeList string      `json:"code_list,omitempty"` // id@version
	Levels   []Level     `json:"levels,omitempty"`
}

// Level is a factor's level: see glm.Level.
type Level struct {
	Name  string  `json:"name"`
	Into  string  `json:"into,omitempty"`
	Share float64 `json:"share,omitempty"`
}

// Caps bound one person's total: see glm.Caps.
type Caps struct {
	Weight   float64 `json:"weight,omitempty"`
	Score    float64 `json:"score,omitempty"`
	Rows     int     `json:"rows,omitempty"`
	Exposure float64 `json:"exposure,omitempty"`
	Deviance float64 `json:"deviance,omitempty"`
	Pearson  float64 `json:"pearson,omitempty"`
}

// Privacy is what the job costs a person, and against whom.
type Privacy struct {
	Rho       Rho `json:"rho"`                 // of all rounds, for a person at all Places
	Colluders int `json:"colluders,omitempty"` // nodes whose noise is not relied on; default 1
	Places    int `json:"places,omitempty"`    // how many nodes one person may be at; default 1
}

// Expect is what is publicly expected; PeoplePerNode is also a bound.
type Expect struct {
	People        int64   `json:"people"` // of all nodes together
	PeoplePerNode int64   `json:"people_per_node"`
	Exposure      float64 `json:"exposure,omitempty"`
	Dispersion    float64 `json:"dispersion,omitempty"`
}

// Deadlines are how long a phase may take before its attempt is given up, in seconds.
type Deadlines struct {
	Phase int `json:"phase"` // each phase up to the barrier, 1 to 86400
	Share int `json:"share"` // from the barrier to the last result, 1 to 604800
	// Pace is the step, in milliseconds, of the grid on which a node sends what it worked
	// out from its rows, so that the time it takes tells nothing of them; at most half of
	// Phase. Default: from Expect and the length of what is sent, see the card's text.
	Pace int `json:"pace_ms,omitempty"`
}

// Organisation is a party with its signing key.
type Organisation struct {
	Organisation string `json:"organisation"`
	Key          Key    `json:"key"`
}

// Member is a node: who runs it, the key it signs messages with, and its owner's key,
// which signs the approval.
type Member struct {
	Name         string `json:"name"`
	Organisation string `json:"organisation"`
	Key          Key    `json:"key"`
	Owner        Key    `json:"owner"`
}

// Digest is the SHA-256 of the card's canonical JSON: the job's name everywhere.
func (c *Card) Digest() (secagg.Hash, error) {
	b, err := c.JSON()
	return sha256.Sum256(b), err
}

// JSON is the canonical text of the card (RFC 8785).
func (c *Card) JSON() ([]byte, error) { return canonical(c) }

// ReadCard reads the canonical text of a checked card. ErrWire or ErrCard.
func ReadCard(b []byte) (*Card, error) {
	c := &Card{}
	if err := strictly(b, c); err != nil {
		return nil, err
	}
	filled := *c
	if err := filled.check(); err != nil {
		return nil, err
	}
	if again, err := filled.JSON(); err != nil || string(again) != string(b) {
		return nil, fmt.Errorf("%w: a default is not filled in", ErrCard)
	}
	return c, nil
}

// Roster is the card's list of nodes as the secure sum takes it.
func (c *Card) Roster() secagg.Roster {
	r := secagg.Roster{Coordinator: c.Coordinator.Key.Public()}
	for _, n := range c.Nodes {
		r.Nodes = append(r.Nodes, secagg.Node{Name: n.Name, Organisation: n.Organisation, Key: n.Key.Public()})
	}
	return r
}

// Place is a node's place on the roster, -1 for none of that name.
func (c *Card) Place(name string) int {
	return slices.IndexFunc(c.Nodes, func(m Member) bool { return m.Name == name })
}

// Plan compiles the card's model.
func (c *Card) Plan() (*glm.Plan, error) { return glm.NewPlan(c.spec()) }

// Network compiles the card's multi-layer perceptron. ErrCard if it has none.
func (c *Card) Network() (*glm.Network, error) {
	w := c.Model.Network
	if w == nil || w.Seed < 0 {
		return nil, fmt.Errorf("%w: the model is no network, or its seed is negative", ErrCard)
	}
	return glm.NewNetwork(glm.NetworkSpec{
		Model: c.spec(), Hidden: w.Hidden, Rectified: w.Rectified, Seed: uint64(w.Seed), Rate: w.Rate,
		Momentum: w.Momentum, People: c.Expect.People, ClipNorm: w.ClipNorm,
	})
}

func (c *Card) spec() glm.Spec {
	m := c.Model
	s := glm.Spec{
		Family: m.Family, Power: m.Power, Theta: m.Theta, Ridge: m.Ridge,
		Response: glm.Response{Name: m.Response.Name, Unit: m.Response.Unit, Lo: m.Response.Range[0], Hi: m.Response.Range[1], Scale: m.Response.Scale},
		Exposure: m.Exposure, Weights: m.Weights, StartMean: m.StartMean, Rounds: m.Rounds, Bits: m.Bits,
		Nodes: len(c.Nodes), Colluders: c.Privacy.Colluders, Places: c.Privacy.Places,
		PeoplePerNode: c.Expect.PeoplePerNode, Rho: int64(c.Privacy.Rho), Caps: glm.Caps(m.Caps),
	}
	for _, f := range m.Features {
		g := glm.Feature{Name: f.Name, Unit: f.Unit}
		if f.Range != nil {
			g.Lo, g.Hi = f.Range[0], f.Range[1]
		}
		for _, l := range f.Levels {
			g.Levels = append(g.Levels, glm.Level(l))
		}
		s.Features = append(s.Features, g)
	}
	return s
}
