package dataset_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

func TestTry(t *testing.T) {
	dir := os.Getenv("SYNTH_DIR")
	if dir == "" {
		t.Skip()
	}
	n, _ := strconv.Atoi(os.Getenv("SYNTH_N"))
	o := synthOptions(t, int64(n))
	o.Domain = dir
	t0 := time.Now()
	m, q, err := dataset.Synth(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	var r syscall.Rusage
	syscall.Getrusage(0, &r)
	i, _ := os.Stat(dataset.DataPath(dir, m.ID))
	fmt.Println("wall", time.Since(t0), "cpu", time.Duration(r.Utime.Nano()+r.Stime.Nano()), "rss MB", r.Maxrss/1024, "bytes", i.Size())
	q.Print(os.Stdout)
}
