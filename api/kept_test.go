package api

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What is kept is read once for all who ask at a time, again when it is too old, when the
// clock was put back, and after an error.
func TestKeptIsReadOnce(t *testing.T) {
	var k Kept[int]
	var reads int
	var asking atomic.Int64
	read := func() (int, error) {
		for asking.Load() < 20 { // all others are about to ask, or wait
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond) // without the lock they would be here too by now
		reads++
		return reads, nil
	}
	begun := time.Unix(1000, 0)
	if _, err := k.Get(begun, time.Second, func() (int, error) { return 7, errors.New("away") }); err == nil {
		t.Error("an error is not told")
	}
	for _, x := range []struct {
		at   time.Duration
		want int
	}{{0, 1}, {999 * time.Millisecond, 1}, {time.Second, 2}, {0, 3}} {
		var all sync.WaitGroup
		asking.Store(0)
		for range 20 {
			all.Go(func() {
				asking.Add(1)
				if got, err := k.Get(begun.Add(x.at), time.Second, read); err != nil || got != x.want {
					t.Errorf("after %v: %d, not %d: %v", x.at, got, x.want, err)
				}
			})
		}
		all.Wait()
	}
}
