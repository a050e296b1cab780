package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// servedAt is the line in which serve says where an address is.
var servedAt = regexp.MustCompile(`(?m)^(?:serving .* on|inside on) (http://\S+)$`)

// pages serves the honest coordinator again, and the fund's domain, so that its job can be
// looked at in a browser: with the coordinator's directory, for it is the same
// organisation's.
func (f *four) pages(ctx context.Context) error {
	if err := f.serve(ctx); err != nil { // again, after the one that tampered
		return err
	}
	fund := f.parties[0]
	path := filepath.Join(f.dir, "serve.yaml")
	text := fmt.Sprintf("domain: %q\nlisten: 127.0.0.1:0\ninternal: 127.0.0.1:0\ncoordinator: %q\n", fund.dir, f.coordinator())
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	s, err := f.cast.start(ctx, "serve", "serve", "--config", path)
	if err != nil {
		return err
	}
	at := servedAt.FindAllStringSubmatch(s.out.String(), -1)
	for ; len(at) < 2; at = servedAt.FindAllStringSubmatch(s.out.String(), -1) {
		if s.over() {
			return s.wait()
		}
		rest(ctx, 20*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	f.say("\n== In a browser, at %s\n\n", fund.organisation)
	f.say("  the job, its rounds and its model  %s/console/training/%s\n", at[0][1], f.trained)
	f.say("  loads, opt-outs and enrolments     %s/console/data  (the domain's own listener)\n", at[1][1])
	for _, who := range []string{"node-n", "steward-s"} {
		token, err := f.cast.run(ctx, "token", "add", "--domain", fund.dir, "--as", who)
		if err != nil {
			return err
		}
		f.say("  token of %-12s %s\n", who, strings.TrimSpace(string(token)))
	}
	return nil
}
