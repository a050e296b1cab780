package witness

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"
)

// sizeType is the media type of a size alone: C2SP tlog-witness.
const sizeType = "text/x.tlog.size"

// Handler answers over HTTP:
//
//	POST /add-checkpoint      C2SP tlog-witness
//	GET  /<hash>/checkpoint   the newest checkpoint cosigned of the log whose origin
//	                          has this SHA-256, cosigned again as of now; 204 where
//	                          nothing was cosigned yet
//
// The second is ours, beside the specification, which has yet to settle how checkpoints
// are read back: a log asks with it whether its own disk was put back to an older copy.
// Whoever asks needs no credentials; all that is given out was signed to be shown.
//
// Refusals: 400 ErrMalformed, 403 ErrSignature, 404 ErrUnknownLog, 409 ErrConflict with
// the known size as text/x.tlog.size, 409 ErrFork as plain text, 422 ErrProof, 413 for a
// body above MaxRequest, 500 for a state that cannot be used.
func (w *Witness) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", w.serveAdd)
	mux.HandleFunc("GET /{hash}/checkpoint", w.serveNewest)
	return mux
}

func (w *Witness) serveAdd(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, MaxRequest))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			http.Error(rw, fmt.Sprintf("a request has at most %d bytes", MaxRequest), http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(rw, "the request could not be read to its end", http.StatusBadRequest)
		return
	}
	request, err := ParseRequest(body)
	var lines []byte
	if err == nil {
		lines, err = w.Add(request)
	}
	if err != nil {
		refuse(rw, err)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = rw.Write(lines)
}

func (w *Witness) serveNewest(rw http.ResponseWriter, r *http.Request) {
	b, err := w.Newest(r.PathValue("hash"))
	if err != nil {
		refuse(rw, err)
		return
	}
	rw.Header().Set("Cache-Control", "no-store")
	if b == nil {
		rw.WriteHeader(http.StatusNoContent)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = rw.Write(b)
}

// refuse answers an error. The errors of the file system stay in the operator's log.
func refuse(rw http.ResponseWriter, err error) {
	var conflict *ConflictError
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, &conflict):
		rw.Header().Set("Content-Type", sizeType)
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", conflict.Size)
		return
	case errors.Is(err, ErrMalformed):
		status = http.StatusBadRequest
	case errors.Is(err, ErrUnknownLog):
		status = http.StatusNotFound
	case errors.Is(err, ErrSignature):
		status = http.StatusForbidden
	case errors.Is(err, ErrFork):
		status = http.StatusConflict
	case errors.Is(err, ErrProof):
		status = http.StatusUnprocessableEntity
	default:
		err = ErrState
	}
	http.Error(rw, err.Error(), status)
}

// Server gives the HTTP server of a witness, with bounds on what a connection may take:
// time for the header, the body and the answer, and the size of the header. TLS and the
// listener are the caller's.
func (w *Witness) Server() *http.Server {
	return &http.Server{
		Handler:           w.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // it quotes what clients send
	}
}
