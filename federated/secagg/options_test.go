package secagg

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"testing"
)

// Options that cannot be used are refused before anything is made.
func TestOptions(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	open, err := c.relay.Message(PhaseOpen, Coordinator)
	c.ok(err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c.ok(err)
	for what, change := range map[string]func(*Options){
		"no parameters": func(o *Options) { o.Params = nil },
		"no key":        func(o *Options) { o.Key = nil },
		"another's key": func(o *Options) { o.Key = c.keys[1] },
		"another curve": func(o *Options) { o.Key = other },
		"not Ed25519":   func(o *Options) { o.Key = odd{o.Key} },
		"failing key":   func(o *Options) { o.Key = failing{o.Key} },
		"place":         func(o *Options) { o.Self = 3 },
		"no place":      func(o *Options) { o.Self = -1 },
		"marks":         func(o *Options) { o.Seen = make([]Mark, 2) },
		"no numbers":    func(o *Options) { o.Expect.Length = 0 },
		"too many":      func(o *Options) { o.Expect.Length = 1 << 31 },
		"no roster":     func(o *Options) { o.Roster = Roster{} },
	} {
		o := c.options(0)
		change(&o)
		if a, err := Begin(o, open); a != nil || !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, make := range map[string]func() (*Relay, error){
		"no parameters": func() (*Relay, error) { return NewRelay(nil, c.roster, c.coord, c.what, Memory{}) },
		"no key":        func() (*Relay, error) { return NewRelay(c.p, c.roster, nil, c.what, Memory{}) },
		"no store":      func() (*Relay, error) { return NewRelay(c.p, c.roster, c.coord, c.what, nil) },
		"no roster":     func() (*Relay, error) { return NewRelay(c.p, Roster{}, c.coord, c.what, Memory{}) },
		"no numbers":    func() (*Relay, error) { return NewRelay(c.p, c.roster, c.coord, Open{}, Memory{}) },
	} {
		if _, err := make(); !errors.Is(err, ErrOptions) {
			t.Errorf("relay, %s: %v", what, err)
		}
	}
	if _, err := NewRelay(c.p, c.roster, c.keys[0], c.what, Memory{}); !errors.Is(err, ErrSignature) {
		t.Errorf("relay with a node's key: %v", err)
	}
	if _, err := Verify(nil, c.roster, jobHash(), c); !errors.Is(err, ErrOptions) {
		t.Error(err)
	}
}

// odd makes signatures of another length, failing makes none.
type (
	odd     struct{ crypto.Signer }
	failing struct{ crypto.Signer }
)

func (odd) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 63), nil }

func (failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no device")
}
