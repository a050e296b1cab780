package federation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/door"
	"github.com/qunxiang/qunxiang/federated"
)

func (h *Handler) createJob(w http.ResponseWriter, r *http.Request) error {
	if err := h.needAdministrator(r); err != nil {
		return err
	}
	h.readWithin(w, h.times.posting)
	body, err := api.ReadBody(w, r, mediaJSON, maxCard)
	if err != nil {
		return err
	}
	job, err := h.o.Host.Create(body)
	if err != nil {
		return err
	}
	c, ok := h.o.Host.Job(job)
	if !ok {
		return api.ErrUnknownJob
	}
	w.Header().Set("Location", root+"jobs/"+job.String())
	return reply(w, http.StatusCreated, h.statusOf(c))
}

// listJobs gives the administrator all jobs, and a node those whose card has its key.
func (h *Handler) listJobs(w http.ResponseWriter, r *http.Request) error {
	all := h.administrator(r)
	var s signed
	if !all {
		var err error
		if s, err = verify(r, h.o.Now()); err != nil {
			return err
		}
		if err := h.certified(r, "", s.key); err != nil {
			return err
		}
		if err := s.covers(nil); err != nil {
			return err
		}
	}
	list := []JobStatus{}
	for _, c := range h.o.Host.Jobs() {
		if all || memberOf(c.Card(), s.key) != "" {
			list = append(list, h.statusOf(c))
		}
	}
	if !all && len(list) > 0 { // strangers hear nothing, and leave nothing in the gate
		done, err := h.gate.enter(s, h.o.Now())
		if err != nil {
			return err
		}
		defer done()
		door.Known(r.Context())
	}
	return reply(w, http.StatusOK, map[string]any{"jobs": list})
}

// job finds the job of the path.
func (h *Handler) job(r *http.Request) (*federated.Coordinator, error) {
	job, err := parseJob(r.PathValue("job"))
	if err != nil {
		return nil, api.ErrUnknownJob
	}
	c, ok := h.o.Host.Job(job)
	if !ok {
		return nil, api.ErrUnknownJob
	}
	return c, nil
}

// reader finds the job of a GET and admits a member or, where it may, the
// administrator. done must be called.
func (h *Handler) reader(w http.ResponseWriter, r *http.Request, administrator bool) (c *federated.Coordinator, done func(), err error) {
	c, err = h.job(r)
	if administrator && h.administrator(r) {
		return c, func() {}, err
	}
	if err != nil {
		return nil, nil, err
	}
	who, err := h.member(w, r, c)
	if err != nil {
		return nil, nil, err
	}
	if err := who.covers(nil); err != nil {
		who.done()
		return nil, nil, err
	}
	return c, who.done, nil
}

func (h *Handler) jobStatus(w http.ResponseWriter, r *http.Request) error {
	c, done, err := h.reader(w, r, true)
	if err != nil {
		return err
	}
	defer done()
	return reply(w, http.StatusOK, h.statusOf(c))
}

func (h *Handler) jobCard(w http.ResponseWriter, r *http.Request) error {
	c, done, err := h.reader(w, r, true)
	if err != nil {
		return err
	}
	defer done()
	text, err := c.Card().JSON()
	if err != nil {
		return err
	}
	return send(w, mediaJSON, text)
}

// post takes a posting. Who posts it is known by then, and its length bounded by the
// card's largest message.
func (h *Handler) post(w http.ResponseWriter, r *http.Request) error {
	c, err := h.job(r)
	if err != nil {
		return err
	}
	who, err := h.member(w, r, c)
	if err != nil {
		return err
	}
	defer who.done()
	h.readWithin(w, h.times.posting)
	body, err := api.ReadBody(w, r, mediaBinary, int64(postingHead+c.MaxPosting()))
	if err != nil {
		return err
	}
	if err := who.covers(body); err != nil {
		return err
	}
	p, err := parsePosting(body)
	if err != nil {
		return err
	}
	if err := c.Post(p); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) poll(w http.ResponseWriter, r *http.Request) error {
	c, done, err := h.reader(w, r, false)
	if err != nil {
		return err
	}
	defer done()
	q := r.URL.Query()
	from, err := parsePlace(q.Get("epoch"), q.Get("at"))
	if err != nil || len(q) != 2 || len(q["epoch"])+len(q["at"]) != 2 {
		return fmt.Errorf("%w: the feed is asked for by epoch and at", federated.ErrWire)
	}
	items, next, err := c.Poll(from)
	if err != nil {
		return err
	}
	return send(w, mediaBinary, appendFeed(nil, items, next))
}

func (h *Handler) fetch(w http.ResponseWriter, r *http.Request) error {
	c, done, err := h.reader(w, r, false)
	if err != nil {
		return err
	}
	defer done()
	at, err := parsePlace(r.PathValue("epoch"), r.PathValue("at"))
	if err != nil {
		return err
	}
	b, err := c.Fetch(at)
	if err != nil {
		return err
	}
	return send(w, mediaBinary, b)
}

// parsePlace reads a place in the feed. federated.ErrWire.
func parsePlace(epoch, at string) (p federated.Place, err error) {
	e, err1 := strconv.ParseUint(epoch, 10, 64)
	n, err2 := strconv.ParseUint(at, 10, 31)
	if err1 != nil || err2 != nil {
		return p, fmt.Errorf("%w: no place in the feed", federated.ErrWire)
	}
	return federated.Place{Epoch: e, At: int(n)}, nil
}

// statusOf names the nodes of a status.
func statusOf(c *federated.Coordinator) JobStatus {
	s, card := c.Status(), c.Card()
	out := JobStatus{
		Job: s.Job.String(), Name: card.Job, Approved: s.Approved, Ready: s.Ready, Round: s.Round, Rounds: s.Rounds,
		Attempt: s.Attempt, Phase: s.Phase.String(), Burnt: s.Burnt, Done: s.Done, Ended: s.Ended,
	}
	names := func(places []int) []string {
		list := []string{}
		for _, i := range places {
			list = append(list, card.Nodes[i].Name)
		}
		return list
	}
	for _, n := range card.Nodes {
		out.Nodes = append(out.Nodes, n.Name)
	}
	for place, reason := range s.Waits {
		if out.Waits == nil {
			out.Waits = map[string]string{}
		}
		out.Waits[card.Nodes[place].Name] = reason
	}
	out.Unapproved, out.Unready, out.Missing = names(s.Unapproved), names(s.Unready), names(s.Missing)
	return out
}

// reply sends JSON.
func reply(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaJSON)
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a client that has gone is no matter
	return nil
}

// send sends bytes.
func send(w http.ResponseWriter, media string, b []byte) error {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) // a client that has gone is no matter
	return nil
}
