package federation

import (
	"maps"
	"sync"
	"time"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// seen is when the members of jobs were last heard from, to the minute: enough to find a
// node that is away, and nothing about how long one takes. It is not kept over a restart.
type seen struct {
	mu   sync.Mutex
	jobs map[secagg.Hash]map[string]time.Time
}

func newSeen() seen { return seen{jobs: map[secagg.Hash]map[string]time.Time{}} }

// heard notes an accepted request of a member.
func (s *seen) heard(job secagg.Hash, name string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs[job] == nil {
		s.jobs[job] = map[string]time.Time{}
	}
	s.jobs[job][name] = at.UTC().Truncate(time.Minute)
}

// of are a job's members that were heard from.
func (s *seen) of(job secagg.Hash) map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.jobs[job])
}

// statusOf is a job's status with when its nodes were heard from.
func (h *Handler) statusOf(c *federated.Coordinator) JobStatus {
	out := statusOf(c)
	if job, err := out.Digest(); err == nil {
		out.Seen = h.seen.of(job)
	}
	return out
}
