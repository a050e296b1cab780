//go:build duckdb_arrow

package child_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
)

// escape is hostile code in the very process that holds the data: it tries to get
// out by all that a program has, and answers properly only if everything failed but
// what the process needs. What it could do it shows by failing.
func escape(domain string, o *queries.Order) (*dp.Table, error) {
	snapshot := filepath.Join(domain, "snapshots", o.Source.Snapshot)
	for name, try := range map[string]func() error{
		"dial":        func() error { return closed(net.Dial("tcp", "127.0.0.1:9")) },
		"listen":      func() error { return closed(net.Listen("tcp", "127.0.0.1:0")) },
		"passwd":      func() error { return readable("/etc/passwd") },
		"keys":        func() error { return readable(filepath.Join(domain, "keys", "log.key")) },
		"tmp":         func() error { return os.WriteFile("/var/tmp/qunxiang-escape", nil, 0o600) },
		"domain":      func() error { return os.WriteFile(filepath.Join(domain, "new"), nil, 0o600) },
		"snapshot":    func() error { return os.WriteFile(filepath.Join(snapshot, "new"), nil, 0o600) },
		"other temp":  func() error { return os.Mkdir(filepath.Join(domain, "tmp", "new"), 0o700) },
		"program":     func() error { return exec.Command("/bin/true").Run() },
		"parent":      func() error { return readable(fmt.Sprintf("/proc/%d/environ", os.Getppid())) },
		"environment": noEnvironment,
	} {
		err := try()
		if !errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("%s: %v", name, err)
		}
	}
	if err := readable(filepath.Join(snapshot, "manifest.json")); err != nil {
		return nil, err
	}
	t := &dp.Table{Groups: []dp.Group{}}
	for _, keys := range everyKey(o.Plan().Spec().Keys) {
		t.Groups = append(t.Groups, dp.Group{Keys: keys, Suppressed: true})
	}
	return t, nil
}

func closed(c interface{ Close() error }, err error) error {
	if err == nil {
		_ = c.Close()
	}
	return err
}

func readable(path string) error {
	f, err := os.Open(path)
	return closed(f, err)
}

// noEnvironment is a permission refused where there is no environment.
func noEnvironment() error {
	if len(os.Environ()) > 0 {
		return errNone
	}
	return fs.ErrPermission
}
