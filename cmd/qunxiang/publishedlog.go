package main

import (
	"bytes"
	"context"
	"io/fs"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
)

// servedLog is the domain's own log, for its server.
type servedLog struct{ d *domain }

// Checkpoint is for everybody whom the server knows.
func (s servedLog) Checkpoint() []byte { return s.d.ledger.Newest() }

func (s servedLog) mayRead(principal string) error {
	return s.d.policy().May(principal, policy.ReadLog)
}

// Tile is for who may read the log.
func (s servedLog) Tile(principal string, t tlog.Tile) ([]byte, error) {
	if err := s.mayRead(principal); err != nil {
		return nil, err
	}
	return s.d.ledger.Tile(t)
}

// Handover is for who may read the log: it has a leaf in it.
func (s servedLog) Handover(principal string, n int) ([]byte, error) {
	if err := s.mayRead(principal); err != nil {
		return nil, err
	}
	return s.d.ledger.Handover(n)
}

// publishedLog is a server's log as C2SP tlog-tiles, read file by file.
type publishedLog struct {
	ctx    context.Context
	client *api.Client
}

func (w *where) publishedLog(ctx context.Context) (fs.FS, error) {
	o, err := w.client()
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	client, err := api.NewClient(o)
	return &publishedLog{ctx, client}, err
}

// Open fetches a checkpoint or tile. Whatever the server says, the auditor holds it
// against the pinned keys.
func (p *publishedLog) Open(name string) (fs.File, error) {
	b, err := p.client.Log(p.ctx, name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &fetched{bytes.NewReader(b), name}, nil
}

// fetched is a file that was read already.
type fetched struct {
	*bytes.Reader
	name string
}

func (f *fetched) Stat() (fs.FileInfo, error) { return fetchedInfo{f}, nil }
func (f *fetched) Close() error               { return nil }

type fetchedInfo struct{ f *fetched }

func (i fetchedInfo) Name() string       { return i.f.name }
func (i fetchedInfo) Size() int64        { return i.f.Reader.Size() }
func (i fetchedInfo) Mode() fs.FileMode  { return 0o444 }
func (i fetchedInfo) ModTime() time.Time { return time.Time{} }
func (i fetchedInfo) IsDir() bool        { return false }
func (i fetchedInfo) Sys() any           { return nil }
