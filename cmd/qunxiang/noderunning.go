package main

import "sync"

// running are the jobs that were begun in this process.
type running struct {
	group  sync.WaitGroup
	ended  chan struct{} // one has
	mu     sync.Mutex
	jobs   map[string]*begun // by digest
	failed error
}

type begun struct{ runs, stopping bool }

// begin says whether a job is to be begun now: a new one, where those are looked for, or
// one that does not run and is to be stopped.
func (r *running) begin(j *nodeJob, anew bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.jobs[j.digest.String()]
	stopping := j.has(stopFile)
	if j.over() || old == nil && !anew || old != nil && (old.runs || old.stopping || !stopping) {
		return false
	}
	r.jobs[j.digest.String()] = &begun{runs: true, stopping: stopping}
	return true
}

func (r *running) end(j *nodeJob, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = worse(r.failed, err)
	r.jobs[j.digest.String()].runs = false
	select {
	case r.ended <- struct{}{}:
	default: // it is told already
	}
}

// idle says that nothing runs.
func (r *running) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.jobs {
		if b.runs {
			return false
		}
	}
	return true
}
