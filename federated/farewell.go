package federated

import "crypto"

// StopNotice is what a node posts to end a job that it cannot even open: the signed
// notice of [Node.Stop]. The reason is a text of at most 200 bytes without quotes,
// backslashes and control characters, or it becomes "other". ErrApproval if the key is
// not the node's on the card.
func StopNotice(c *Card, node, reason string, key crypto.Signer) (Posting, error) {
	return noticePosting(c, node, NoticeStopped, reason, key)
}

// noticePosting is a notice that verifies against the card.
func noticePosting(c *Card, node, kind, text string, key crypto.Signer) (Posting, error) {
	job, err := c.Digest()
	if err != nil {
		return Posting{}, err
	}
	word, err := makeNotice(job, node, kind, text, key)
	if err != nil {
		return Posting{}, err
	}
	if err := word.Verify(c); err != nil {
		return Posting{}, err
	}
	b, err := canonical(word)
	return Posting{Sort: SortNotice, Body: b}, err
}
