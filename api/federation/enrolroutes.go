package federation

import (
	"net/http"

	"github.com/qunxiang/qunxiang/api"
)

func (h *Handler) authority() (*Authority, error) {
	if h.o.Authority == nil {
		return nil, api.NoSuchRoute()
	}
	return h.o.Authority, nil
}

func (h *Handler) enrol(w http.ResponseWriter, r *http.Request) error {
	a, err := h.authority()
	if err != nil {
		return err
	}
	h.readWithin(w, h.times.small)
	body, err := api.ReadBody(w, r, mediaJSON, maxEnrolment)
	if err != nil {
		return err
	}
	e := &Enrolment{}
	if err := api.DecodeStrict(body, e); err != nil {
		return err
	}
	s, err := a.Enrol(e)
	if err != nil {
		return err
	}
	w.Header().Set("Location", root+"enrolments/"+s.ID)
	if s.State == Pending {
		return reply(w, http.StatusAccepted, s)
	}
	return reply(w, http.StatusOK, s)
}

func (h *Handler) enrolmentState(w http.ResponseWriter, r *http.Request) error {
	a, err := h.authority()
	if err != nil {
		return err
	}
	s, err := a.Enrolment(r.PathValue("id"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s)
}

// enrolments is the authority, for the administrator.
func (h *Handler) enrolments(r *http.Request) (*Authority, error) {
	if err := h.needAdministrator(r); err != nil {
		return nil, err
	}
	return h.authority()
}

func (h *Handler) listEnrolments(w http.ResponseWriter, r *http.Request) error {
	a, err := h.enrolments(r)
	if err != nil {
		return err
	}
	list := a.Enrolments()
	if list == nil {
		list = []EnrolmentState{}
	}
	return reply(w, http.StatusOK, map[string]any{"enrolments": list})
}

func (h *Handler) approveEnrolment(w http.ResponseWriter, r *http.Request) error {
	a, err := h.enrolments(r)
	if err != nil {
		return err
	}
	h.readWithin(w, h.times.small)
	body, err := api.ReadBody(w, r, mediaJSON, maxEnrolment)
	if err != nil {
		return err
	}
	var word approval
	if err := api.DecodeStrict(body, &word); err != nil {
		return err
	}
	s, err := a.Approve(r.PathValue("id"), word.Fingerprint)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s)
}

func (h *Handler) removeEnrolment(w http.ResponseWriter, r *http.Request) error {
	a, err := h.enrolments(r)
	if err != nil {
		return err
	}
	if err := a.Remove(r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
