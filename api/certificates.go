package api

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// TLSFiles are the PEM files of a server's TLS.
type TLSFiles struct {
	Certificate, Key string // Required: chain, leaf first, and its private key.
	// ClientAuthority holds the certificates of the authorities that may issue client
	// certificates. Default: a client's certificate may be issued by anybody, itself
	// included, and its key counts where the policy pins it.
	ClientAuthority string
}

// NewTLS reads the files and makes TLS 1.3 from them, which reads them again when
// they change: a certificate is renewed without a restart. New files that cannot be
// used leave the old ones in force; say is told why, at each handshake.
func NewTLS(f TLSFiles, say func(error)) (*tls.Config, error) {
	s := &tlsSource{files: f}
	if err := s.refresh(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := s.refresh(); err != nil {
			say(err)
		}
		return s.config, nil
	}}, nil
}

// tlsSource is the configuration that the files made when they were last usable.
type tlsSource struct {
	files TLSFiles

	mu     sync.Mutex
	seen   [3]fileState
	config *tls.Config
}

// fileState tells whether a file is another than before.
type fileState struct {
	modified time.Time
	size     int64
	info     os.FileInfo
}

func (a fileState) same(b fileState) bool {
	return a.info != nil && b.info != nil && os.SameFile(a.info, b.info) && a.modified.Equal(b.modified) && a.size == b.size
}

func (s *tlsSource) refresh() error {
	names := []string{s.files.Certificate, s.files.Key, s.files.ClientAuthority}
	var now [3]fileState
	changed := s.config == nil
	for i, name := range names {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("tls: %w", err)
		}
		now[i] = fileState{info.ModTime(), info.Size(), info}
		changed = changed || !now[i].same(s.seen[i])
	}
	if !changed {
		return nil
	}
	config, err := s.files.read()
	if err != nil {
		return err
	}
	s.seen, s.config = now, config
	return nil
}

func (f TLSFiles) read() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	// Session tickets would carry a client certificate past its removal from the authorities.
	c := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert,
		SessionTicketsDisabled: true, NextProtos: []string{"h2", "http/1.1"}}
	if f.ClientAuthority == "" {
		return c, nil
	}
	text, err := os.ReadFile(f.ClientAuthority)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, errors.New("tls: the file of client authorities holds no certificate")
	}
	return c, nil
}
