package dataset

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

var last time.Duration

func cpu() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(0, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func init() {
	debugHook = func(s string, e error) {
		if len(s) > 1500 {
			s = s[:1500]
		}
		println(s, "\n==>", e.Error())
	}
	if os.Getenv("TRACE") == "" {
		return
	}
	traceHook = func(s string, d time.Duration) {
		if f := os.Getenv("SQLDUMP"); f != "" {
			h, _ := os.OpenFile(f, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			fmt.Fprintln(h, s, ";;")
			h.Close()
		}
		c := cpu()
		x := c - last
		last = c
		if x > 8*time.Millisecond {
			if len(s) > 60 {
				s = s[:60]
			}
			fmt.Printf("cpu %.2f wall %.2f %q\n", x.Seconds(), d.Seconds(), s)
		}
	}
}
