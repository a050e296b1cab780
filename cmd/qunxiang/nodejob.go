package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
)

// options are what federated.Node needs to know of a job here.
func (s *nodeService) options(ctx context.Context, j *nodeJob) (o federated.NodeOptions, err error) {
	o = s.bareOptions(j)
	if err := s.d.train(ctx, j.card, &o); err != nil {
		return o, err
	}
	books(o).Slot = s.settings.Slot
	read := o.Rows
	o.Rows = func(ctx context.Context) ([]glm.Row, error) {
		s.reading.Lock() // one engine for all jobs
		defer s.reading.Unlock()
		return read(ctx)
	}
	return o, nil
}

// bareOptions are options without rows and books.
func (s *nodeService) bareOptions(j *nodeJob) federated.NodeOptions {
	j.limits = s.limits()
	return federated.NodeOptions{
		Dir: j.dir, Card: j.card, Name: s.settings.Name, Key: s.key, Approval: j.approval,
		Transport: s.transport(j.digest), Limits: j.limits,
		Log: func(text string) { s.console.say(j.card.Job, "%s", text) },
	}
}

// books are the domain's own, as train fills them in.
func books(o federated.NodeOptions) *federated.LedgerBooks {
	if b, ok := o.Books.(*federated.LedgerBooks); ok {
		return b
	}
	return &federated.LedgerBooks{}
}

// jobRefusal gives what a node refuses by itself its exit code: nothing was charged.
func jobRefusal(name string, err error) error {
	if refusedHere(err) {
		return &exitError{exitRefused, fmt.Errorf("%s: %w", name, err)}
	}
	return fmt.Errorf("%s: %w", name, err)
}

// refusedHere says whether policy, limits, budget or contract speak against a job.
func refusedHere(err error) bool {
	var field *glm.FieldError
	for _, rule := range []error{
		federated.ErrLimit, federated.ErrSnapshot, federated.ErrRefused, federated.ErrApproval, federated.ErrCard,
		api.ErrNotMember, api.ErrUnknownJob, api.ErrFingerprint, api.ErrEnrolled,
	} {
		if errors.Is(err, rule) {
			return true
		}
	}
	return errors.As(err, &field)
}
