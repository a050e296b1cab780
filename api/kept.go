package api

import (
	"sync"
	"time"
)

// Kept is something that is read from the whole log, by whoever asks: one of them reads it
// for all who ask at the time, and it is shown until it is too old. The zero value holds
// nothing.
type Kept[T any] struct {
	mu   sync.Mutex
	some bool
	at   time.Time
	is   T
}

// Get gives what is kept where it is younger than an age, else what read makes of it. An
// error is not kept.
func (k *Kept[T]) Get(now time.Time, age time.Duration, read func() (T, error)) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.some && now.Sub(k.at) < age && !now.Before(k.at) {
		return k.is, nil
	}
	is, err := read()
	if err != nil {
		return is, err
	}
	k.some, k.at, k.is = true, now, is
	return is, nil
}
