package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// nodeService runs the approved jobs of a domain's node.
type nodeService struct {
	d        *domain
	folder   nodeFolder
	settings *nodeSettings
	key      ed25519.PrivateKey
	client   *federation.Client
	console  *nodeConsole
	once     bool
	reading  sync.Mutex // of rows
	// transport carries a job's postings: the client's.
	transport func(job secagg.Hash) federated.Transport
}

func nodeServeCommand() *cobra.Command {
	var dir, job string
	var once, asJSON bool
	c := &cobra.Command{
		Use: "serve", Short: "Run the approved jobs of a node", Args: cobra.NoArgs,
		Long: `Run all jobs that the owner has approved, and those that are approved meanwhile, until
it is interrupted. With --once it ends when they are all done or have stopped. It
keeps the domain to itself; a domain that answers queries at the same time is served
by qunxiang serve --node.

The coordinator may be away: the node tries again. It may be killed at any moment:
the next serve goes on from the disk, and no share is made twice.

A job that the node's rules refuse by now (limits, policy, budget, a snapshot that is
gone) waits, to the last day of its card: the others are told which kind of rule it is,
and no figure. Correct the rule, and it is tried again: node.yaml is read anew, the
rest when the node is served again. A job that cannot be run here at all ends for all.

Exit codes: 0 done or interrupted, 3 a job was refused here, 4 the domain is in use,
6 a job has stopped without a model, 1 anything else.`,
		Example: "  qunxiang node serve --dir D\n  qunxiang node serve --dir D --once --job 5f1c09aa",
		RunE: func(c *cobra.Command, _ []string) error {
			console := newNodeConsole(c.ErrOrStderr(), asJSON)
			defer console.end()
			return withCode(serveNode(c.Context(), dir, job, once, console))
		},
	}
	dirFlag(c, &dir)
	f := c.Flags()
	f.StringVar(&job, "job", "", "only this job: its digest, or the first eight digits")
	f.BoolVar(&once, "once", false, "end when the approved jobs are over")
	f.BoolVar(&asJSON, "json", false, "log in JSON, a line for each event")
	return c
}

// serveNode opens the domain and runs its node.
func serveNode(ctx context.Context, dir, job string, once bool, console *nodeConsole) error {
	folder := nodeFolderOf(dir)
	if _, err := folder.settings(); err != nil {
		return err
	}
	if job != "" || once {
		if _, err := folder.jobDir(job); err != nil && job != "" {
			return err
		}
	}
	d, err := openDomain(ctx, dir, writing)
	if err != nil {
		return err
	}
	defer d.Close()
	s, err := newNodeService(d, console)
	if err != nil {
		return err
	}
	defer s.client.Close()
	s.once = once
	return s.run(ctx, job)
}

// newNodeService reads keys and settings of an opened domain's node.
func newNodeService(d *domain, console *nodeConsole) (*nodeService, error) {
	s := &nodeService{d: d, folder: nodeFolderOf(d.dir), console: console}
	var err error
	if s.settings, err = s.folder.settings(); err != nil {
		return nil, err
	}
	if s.key, err = s.folder.messageKey(); err != nil {
		return nil, err
	}
	s.client, err = s.folder.client(s.settings)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{exitUsage, fmt.Errorf("the node is not enrolled: run qunxiang node enroll --dir %s", d.dir)}
	}
	s.transport = func(job secagg.Hash) federated.Transport { return s.client.Transport(job) }
	return s, err
}

// run begins every approved job once, once more to stop it where it does not run, and,
// unless it is to end, looks for new ones.
func (s *nodeService) run(ctx context.Context, only string) error {
	list := &running{jobs: map[string]*begun{}, ended: make(chan struct{}, 1)}
	var unread error
	if err := s.folder.renew(ctx, s.client); err != nil {
		s.console.say("", "the certificate could not be renewed: %v", err)
	}
	for first := true; ctx.Err() == nil; first = false {
		jobs, err := s.folder.approved()
		if err != nil {
			unread = err
			break
		}
		for _, j := range jobs {
			if !strings.HasPrefix(j.digest.String(), only) || !list.begin(j, first || !s.once) {
				continue
			}
			list.group.Go(func() { list.end(j, s.job(ctx, j)) })
		}
		if first && len(list.jobs) == 0 {
			s.console.say("", "no approved job is open")
		}
		if s.once && list.idle() {
			break
		}
		select {
		case <-ctx.Done():
		case <-list.ended:
		case <-time.After(2 * time.Second):
		}
	}
	list.group.Wait()
	if !s.once && unread == nil {
		return nil // each job's end is in the log
	}
	return worse(list.failed, unread)
}

// worse keeps the more telling of two errors: a job that stopped says more than an
// interruption.
func worse(a, b error) error {
	if a == nil || errors.Is(a, context.Canceled) {
		return b
	}
	return a
}

// over says that nothing is left to do for a job here.
func (j *nodeJob) over() bool {
	return j.has(modelFile) && j.has(settledFile) || j.has(stoppedFile) && j.has(toldFile)
}

// rest waits, or not if the context ends.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// job runs one job to its end, opening it again where a disk failed.
func (s *nodeService) job(ctx context.Context, j *nodeJob) error {
	name := j.card.Job
	s.console.say(name, "job %s, %d rounds", j.digest.String()[:8], j.card.Model.Rounds)
	for {
		err := s.attempt(ctx, j)
		switch {
		case err == nil:
			s.console.say(name, "done: qunxiang federated model --dir %s --job %s", s.d.dir, j.digest.String()[:8])
			return j.put(settledFile, nil)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, federated.ErrStopped):
			s.console.say(name, "the job has stopped: %s", reason(err))
			return &exitError{exitStopped, fmt.Errorf("%s: %w", name, err)}
		case errors.Is(err, errReopen):
			s.console.say(name, "%v", err)
			rest(ctx, 5*time.Second)
			continue
		}
		if why, ok := federated.Mendable(err); ok && !j.past(time.Now()) {
			s.waits(ctx, j, why, err)
			if s.once {
				return jobRefusal(name, err)
			}
			rest(ctx, retryAfter)
			continue
		}
		s.console.say(name, "not run: %v", err)
		if ruledOut(err) {
			err = errors.Join(err, s.refuse(ctx, j))
		}
		return jobRefusal(name, err)
	}
}

// refuse ends a job that the node's rules are against: the others would wait for it.
func (s *nodeService) refuse(ctx context.Context, j *nodeJob) error {
	if err := j.stop(refusedReason); err != nil {
		return err
	}
	if err := s.leave(ctx, j); !errors.Is(err, federated.ErrStopped) {
		return err
	}
	return nil
}

// reason is a stopped job's own words.
func reason(err error) string {
	return strings.TrimPrefix(err.Error(), federated.ErrStopped.Error()+": ")
}

// errReopen: the journal failed, and only opening the job again can tell what is on the
// disk.
var errReopen = errors.New("the job's journal failed; it is opened again")

// attempt opens the job and drives it, or ends it where that was asked for.
func (s *nodeService) attempt(ctx context.Context, j *nodeJob) error {
	if err := j.stopAsked(); err != nil {
		return err
	}
	if j.has(stoppedFile) {
		return s.leave(ctx, j)
	}
	o, err := s.options(ctx, j)
	if err != nil {
		return err
	}
	n, err := federated.OpenNode(ctx, o)
	if err != nil {
		return err
	}
	j.waits = ""
	err = s.drive(ctx, j, n, o.Books)
	return errors.Join(err, n.Close())
}

// drive steps the node until the job is over and the ledger's slots have passed.
func (s *nodeService) drive(ctx context.Context, j *nodeJob, n *federated.Node, books federated.Books) error {
	var trouble string
	var since time.Time // of a stop that could not be told
	for ctx.Err() == nil {
		if why, err := j.text(stopFile); err != nil {
			return err
		} else if why != "" {
			if err := n.Stop(why); err != nil {
				return err
			}
		}
		if n.Waiting() == federated.WaitLimits {
			if now := s.limits(); !now.Equal(j.limits) {
				j.limits = now
				n.SetLimits(now)
			}
		}
		moved, err := n.Step(ctx)
		s.console.show(j.card.Job, n.Status())
		stopped := errors.Is(err, federated.ErrStopped)
		switch {
		case n.Err() != nil:
			return fmt.Errorf("%w: %w", errReopen, n.Err())
		case stopped && books.Settled(j.digest):
			return errors.Join(err, j.put(toldFile, nil))
		case err == nil && n.Done() && !moved && books.Settled(j.digest):
			return nil
		case err != nil && !stopped && ctx.Err() == nil:
			if err.Error() != trouble {
				s.console.say(j.card.Job, "trying again: %v", err)
			}
			trouble = err.Error()
			if since.IsZero() {
				since = time.Now()
			}
			if n.Stopped() != "" && s.once && time.Since(since) > 30*time.Second {
				return fmt.Errorf("%w: %s (the others could not be told yet)", federated.ErrStopped, n.Stopped())
			}
		case err == nil && trouble != "":
			s.console.say(j.card.Job, "the coordinator answers again")
			trouble, since = "", time.Time{}
		}
		if !moved || err != nil {
			rest(ctx, n.Rest(s.settings.Poll))
		}
	}
	return ctx.Err()
}
