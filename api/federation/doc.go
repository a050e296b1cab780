// Package federation carries federated training over HTTPS: a [Handler] before the
// jobs of a coordinator, and a [Client] that gives a node its federated.Transport. Nodes
// call, nobody calls a node; calls are short, so that any proxy lets them through.
//
// # Who is who
//
// Every request of a node is signed with the message key that the job's card names:
// HTTP message signatures (RFC 9421) in one fixed profile. It covers "@method", "@path",
// "@query" and "content-digest" (RFC 9530, SHA-256, also of an empty body), with created,
// keyid (the public key in base64), nonce (16 bytes in base64), alg "ed25519" and the tag
// "qunxiang-federated/1". @authority is left out, since proxies change it; the path has
// the job's digest, and so the coordinator's key in it. A signature holds for [Window]
// around its time, and its nonce works once (until the coordinator is started again; no
// request does harm twice). Signature and membership are checked before
// a byte of the body is read.
//
// Answers are not signed: what the feed carries proves itself, and a card is checked
// against the digest that was asked for.
//
// Besides, nodes have client certificates of the coordinator's own authority
// ([Authority]). It is for transport alone: no key on a job card is vouched for by it,
// and whoever holds its key can read and withhold traffic and nothing else. A node gets
// its certificate by enrolment: it posts its keys and a certificate request (PKCS #10)
// under one signature of its message key, and waits until the coordinator's operator has
// compared the fingerprint with the node's by another way. Where a proxy opens TLS, no
// certificate arrives; then signatures suffice, unless the operator requires both.
//
// First contact is never blind: a client has the authority's certificate as a file, or
// its SHA-256 fingerprint ([PinnedAuthority]).
//
// # Routes, under /v1/federated
//
//	POST jobs                          administrator: begins the job of a card
//	GET  jobs                          administrator: all; a node: those whose card has its key
//	GET  jobs/{job}                    status, for administrator and members
//	GET  jobs/{job}/card               the card's canonical JSON, for both
//	POST jobs/{job}/postings           member: one posting, binary
//	GET  jobs/{job}/feed?epoch=&at=    member: items from a place on, binary
//	GET  jobs/{job}/items/{epoch}/{at} member: one item's bytes
//	POST enrolments                    anybody: asks for a certificate
//	GET  enrolments/{id}               anybody who knows it: its state
//	GET  enrolments                    administrator
//	POST enrolments/{id}/approval      administrator, with the fingerprint
//	DELETE enrolments/{id}             administrator: takes it back, with its certificate
//
// GET /openapi.yaml, open to anybody, describes them (OpenAPI 3.1).
//
// Refusals are problems (RFC 9457) out of package api's one map. Those that are final
// are the same errors at the node as with federated.Direct (errors.Is); after any other
// the node tries again.
package federation
