package federated

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// transcript reads an attempt's folder.
type transcript struct {
	v   *verification
	dir string
}

func (t transcript) shape() secagg.Shape {
	return secagg.Shape{Params: t.v.params, Nodes: len(t.v.out.Card.Nodes), Length: t.v.plan.Cells()}
}

// Message reads OPEN or a node's message.
func (t transcript) Message(f secagg.Phase, node int) (secagg.Message, error) {
	name := "OPEN"
	if f != secagg.PhaseOpen {
		name = f.String() + "-" + strconv.Itoa(node)
	}
	b, err := os.ReadFile(filepath.Join(t.dir, name))
	if err != nil {
		return secagg.Message{}, err
	}
	return t.shape().ParseMessage(b)
}

// Part reads a part.
func (t transcript) Part(k secagg.Kind, node, chunk int) (secagg.Part, error) {
	b, err := os.ReadFile(filepath.Join(t.dir, fmt.Sprintf("part-%d-%d-%d", k, node, chunk)))
	if err != nil {
		return secagg.Part{}, err
	}
	return t.shape().ParsePart(b)
}
