package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// notify tells the service manager how this process is, as sd_notify(3) has it: lines of
// NAME=VALUE in one datagram. Without a service manager it does nothing.
func notify(state string) error {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("the service manager cannot be told: %w", err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}

// stopStep is how often a stop that takes its time says so.
const stopStep = 5 * time.Second

// underManager says that the server takes requests, pings the watchdog if there is one and
// alive answers, and from the end of ctx on asks for the time that the stop takes, until
// the function it gives is called.
func underManager(ctx context.Context, alive func()) (stopped func(), err error) {
	if err := notify("READY=1"); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ping(ctx, done, alive)
		for {
			_ = notify(fmt.Sprintf("STOPPING=1\nEXTEND_TIMEOUT_USEC=%d", (3 * stopStep).Microseconds())) // it stops in any case
			select {
			case <-done:
				return
			case <-time.After(stopStep):
			}
		}
	}()
	return func() { close(done); <-ended }, nil
}

// ping keeps the watchdog calm until the server stops. A process that hangs is killed and
// started again: what it had charged is then abandoned.
func ping(ctx context.Context, done <-chan struct{}, alive func()) {
	every := time.Duration(-1)
	if usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 {
		every = time.Duration(usec) * time.Microsecond / 4
	}
	for {
		var tick <-chan time.Time
		if every > 0 {
			alive()
			_ = notify("WATCHDOG=1") // one that is missed is told again
			tick = time.After(every)
		}
		select {
		case <-ctx.Done():
			return
		case <-done:
			return
		case <-tick:
		}
	}
}
