package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// nodeFolder is the folder "node" of a data domain that trains with others: its keys,
// its settings, and a folder for each job.
type nodeFolder string

func nodeFolderOf(domain string) nodeFolder { return nodeFolder(filepath.Join(domain, "node")) }

func (n nodeFolder) path(parts ...string) string {
	return filepath.Join(append([]string{string(n)}, parts...)...)
}

// messageKey signs what the node sends. It stays on the node.
func (n nodeFolder) messageKey() (ed25519.PrivateKey, error) { return n.key("node.key") }

// ownerKey signs approvals. It may be kept elsewhere: file, if it is not "".
func (n nodeFolder) ownerKey(file string) (ed25519.PrivateKey, error) {
	if file == "" {
		return n.key("owner.key")
	}
	if _, err := os.Stat(file); err != nil {
		return nil, err
	}
	seed, err := secret(filepath.Dir(file), filepath.Base(file))
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// key reads a key that node enroll made.
func (n nodeFolder) key(name string) (ed25519.PrivateKey, error) {
	if _, err := os.Stat(n.path(name)); errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{exitUsage, fmt.Errorf("%s is not there: qunxiang node enroll makes it", n.path(name))}
	}
	seed, err := secret(string(n), name)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// makeKeys makes the keys that are not there yet, readable by their owner only.
func (n nodeFolder) makeKeys() error {
	if err := os.MkdirAll(string(n), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"node.key", "owner.key"} {
		if _, err := secret(string(n), name); err != nil {
			return err
		}
	}
	return nil
}

func publicKey(k ed25519.PrivateKey) federated.Key {
	return federated.KeyOf(k.Public().(ed25519.PublicKey))
}

// Files of a job's folder that are of the commands, beside those of federated.Node.
const (
	cardFile     = "card.json"
	approvalFile = "approval.json"
	snapshotFile = "snapshot"     // that the job was approved on
	askerFile    = "asked-by"     // the principal who asks for the job here
	stopFile     = "stop-request" // reason, for the serving process
	stoppedFile  = "stopped"      // reason, written by federated.Node
	toldFile     = "told"         // the others have been told of the stop
	settledFile  = "settled"      // the model is here, and the charges are closed
	modelFile    = "model.json"
)

// nodeJob is a job that the owner has approved at this node.
type nodeJob struct {
	dir      string
	digest   secagg.Hash
	card     *federated.Card
	approval federated.Approval
	limits   federated.Limits // of node.yaml, as last read
	waits    string           // for what the job waits here, as the others were told last
}

// jobDigest reads a digest in hexadecimal.
func jobDigest(text string) (h secagg.Hash, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(h) {
		return h, &exitError{exitUsage, fmt.Errorf("%.80q is not a job: want its digest, 64 hexadecimal digits", text)}
	}
	return secagg.Hash(raw), nil
}

// approved lists the approved jobs, in the order of their digests.
func (n nodeFolder) approved() ([]*nodeJob, error) {
	dirs, err := n.approvedDirs()
	if err != nil {
		return nil, err
	}
	var jobs []*nodeJob
	for _, dir := range dirs {
		j, err := readNodeJob(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// approvedDirs are the folders of the approved jobs. They are listed, not matched: the
// domain's path may have any characters.
func (n nodeFolder) approvedDirs() ([]string, error) {
	entries, err := os.ReadDir(n.path("jobs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var dirs []string
	for _, e := range entries {
		if _, err := os.Stat(n.path("jobs", e.Name(), approvalFile)); err == nil {
			dirs = append(dirs, n.path("jobs", e.Name()))
		}
	}
	return dirs, err
}

func readNodeJob(dir string) (*nodeJob, error) {
	j := &nodeJob{dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, cardFile))
	if err != nil {
		return nil, err
	}
	if j.card, err = federated.ReadCard(text); err != nil {
		return nil, err
	}
	if j.digest, err = j.card.Digest(); err != nil {
		return nil, err
	}
	if j.digest.String() != filepath.Base(dir) {
		return nil, errors.New("the folder has another job's card")
	}
	b, err := os.ReadFile(filepath.Join(dir, approvalFile))
	if err != nil {
		return nil, err
	}
	return j, json.Unmarshal(b, &j.approval)
}

// find is the approved job of a digest, or of its first eight or more digits; "" is the
// only one.
func (n nodeFolder) find(job string) (*nodeJob, error) {
	dir, err := n.jobDir(job)
	if err != nil {
		return nil, err
	}
	return readNodeJob(dir)
}

// jobDir is the folder of the one approved job that a text names: see find.
func (n nodeFolder) jobDir(job string) (string, error) {
	dirs, err := n.approvedDirs()
	if err != nil {
		return "", err
	}
	var found []string
	for _, dir := range dirs {
		if strings.HasPrefix(filepath.Base(dir), job) && (job == "" || len(job) >= 8) {
			found = append(found, dir)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", &exitError{exitUsage, fmt.Errorf("%d jobs fit: give --job with more digits of the digest", len(found))}
	case job == "":
		return "", &exitError{exitUsage, fmt.Errorf("no job is approved in %s", n)}
	}
	return "", &exitError{exitUsage, fmt.Errorf("job %s is not approved in %s", job, n)}
}

// pinnedSnapshot is the snapshot that a job was approved on, "" for none.
func pinnedSnapshot(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	return (&nodeJob{dir: dir}).text(snapshotFile)
}

// askerOf is the principal who asks for a job here, "" where nobody was named.
func askerOf(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	return (&nodeJob{dir: dir}).text(askerFile)
}

// text reads a small file of the job's folder, "" where it is not there.
func (j *nodeJob) text(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(j.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

func (j *nodeJob) has(name string) bool {
	_, err := os.Stat(filepath.Join(j.dir, name))
	return err == nil
}

// put writes a small file of the job's folder durably.
func (j *nodeJob) put(name string, b []byte) error {
	return writeDurably(filepath.Join(j.dir, name), b, 0o600)
}

// keyText is a public key as cards have it.
func keyText(k federated.Key) string {
	b, err := k.MarshalText()
	if err != nil {
		return "unknown"
	}
	return string(b)
}
