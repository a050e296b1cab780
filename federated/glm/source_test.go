package glm

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The compiler's own listing for a machine that fuses holds no such instruction.
func TestNoFusedInstructions(t *testing.T) {
	if os.Getenv("QUNXIANG_LONG") == "" {
		t.Skip("compiles everything for arm64: set QUNXIANG_LONG=1")
	}
	cmd := exec.Command("go", "build", "-gcflags=-S", ".")
	cmd.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	listing, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(listing), "FMULD") {
		t.Fatalf("no listing: %v", err)
	}
	for _, line := range regexp.MustCompile(`.*\sF\w*M(ADD|SUB)D\s.*`).FindAllString(string(listing), -1) {
		t.Error(line)
	}
}

// loose lists the products of floats in Go files that are not the whole argument
// of a float64 conversion, and so may be fused with what is added to them, and
// the calls of functions whose last bit differs between machines.
func loose(t *testing.T, files map[string]string) []string {
	t.Helper()
	fset := token.NewFileSet()
	var parsed []*ast.File
	for name, text := range files {
		f, err := parser.ParseFile(fset, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{Importer: mathOnly{importer.ForCompiler(fset, "source", nil)}, Error: func(error) {}}
	_, _ = conf.Check("glm", fset, parsed, info)
	// Whatever is not known to be an integer or a constant counts as a float.
	float := func(e ast.Expr) bool {
		tv := info.Types[e]
		if tv.Value != nil {
			return false
		}
		b, ok := tv.Type.(*types.Basic)
		return tv.Type == nil || !ok || b.Info()&types.IsInteger == 0
	}
	var out []string
	say := func(n ast.Node, what string) {
		out = append(out, fmt.Sprintf("%v: %s", fset.Position(n.Pos()), what))
	}
	for _, f := range parsed {
		rounded := map[ast.Expr]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "float64" {
					rounded[n.Args[0]] = true
				}
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
					if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "math" && !exact[sel.Sel.Name] {
						say(n, "math."+sel.Sel.Name)
					}
				}
			case *ast.BinaryExpr:
				if n.Op == token.MUL && !rounded[n] && float(n) {
					say(n, "a loose product")
				}
				// A quotient by a power of two is compiled into a product.
				if n.Op == token.QUO && !rounded[n] && float(n) && info.Types[n.Y].Value != nil {
					say(n, "a loose quotient by a constant")
				}
			case *ast.AssignStmt:
				if n.Tok == token.MUL_ASSIGN && float(n.Lhs[0]) {
					say(n, "a loose product")
				}
			}
			return true
		})
	}
	return out
}

// exact are the functions of math that are exactly rounded, or exact, everywhere.
var exact = map[string]bool{
	"Sqrt": true, "Abs": true, "RoundToEven": true, "Floor": true, "Ceil": true, "Ldexp": true, "Frexp": true, "IsNaN": true, "IsInf": true,
}

// mathOnly imports math and no other package: its types are all that is needed.
type mathOnly struct{ types.Importer }

func (m mathOnly) Import(path string) (*types.Package, error) {
	if path == "math" || path == "math/bits" {
		return m.Importer.Import(path)
	}
	return nil, fmt.Errorf("not needed: %s", path)
}

// Nothing in the package may be computed otherwise on a machine with fused
// multiply-add: no product without a conversion, no inexact function of math.
func TestNoFusedProducts(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	for _, line := range loose(t, files) {
		t.Error(line)
	}
	seen := loose(t, map[string]string{"x.go": `package glm
import "math"
func f(x, y, z float64, i, j int) float64 {
	x *= y
	z += x * y
	_ = i*j + 2*3 + i/2
	z -= x / 2
	return float64(x*y) + z + math.Exp(x) + math.Sqrt(x) + float64(z+x*y)
}`})
	if len(seen) != 5 {
		t.Errorf("five faults, seen: %v", seen)
	}
}
