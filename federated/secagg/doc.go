// Package secagg is the secure sum of federated training: N nodes add up vectors
// of integers so that each learns the sum and nobody, the coordinator included,
// learns more. It is pure: no network, no files, no clock. The caller carries
// messages, keeps deadlines and writes the journal.
//
// # Threat model
//
// The coordinator is malicious and colludes with all nodes but two. It carries
// every message and may drop, delay, swap, replay and invent them. Nodes may crash
// at any point. The roster with all signing keys comes from the job card that
// every node's owner approved; it does not come from the coordinator.
//
// # One attempt
//
//	OPEN     coordinator: job, parameters, roster, round, attempt, model   Begin
//	HELLO    nonce, two ephemeral keys, ledger head and counter            Receive ...
//	KEYCOM   commitment to the key share p_i = -a s_i + e_i, a = XOF(ctx)
//	KEYOPEN  p_i and blind; each node adds them up itself
//	CTCOM    commitments to both halves of every ciphertext                Input
//	CT       ciphertexts; each node checks every c1 and adds them to C1    Part, ReceivePart
//	CONFIRM  transcript root T and the hashes of the own shares: the barrier
//	         charge and record in one fsync                                Cross
//	SHARE    h_i = C1 s_i + flooding, sealed to the nodes; every c0        Combination
//	RESULT   hashes of the sum and of the next model
//
// Every message is signed with Ed25519 over (phase, context, node, SHA-256 of the
// payload), where the context is the hash of OPEN and, after HELLO, of all HELLOs.
// The first valid message of a node in a phase counts, resends must be the same,
// and a second differing one is [Evidence].
//
// # Why it is private
//
// Ciphertexts are ring-LWE encryptions [LPR10] under a key whose secret is the sum
// of all nodes' secrets [AJLT12, MTBH21], so that one honest node's missing share
// keeps them shut. Everything a dishonest party sends is fixed before it can
// depend on honest parties': key shares and ciphertexts are committed to before
// any is shown (no rogue key, no c1 chosen by or correlated with others), and a
// comes from all nonces by a random oracle. A share depends on C1 alone, and C1 is
// the sum of the committed c1, recomputed by each node, its own among them; the
// root over all that has N signatures before any share exists outside its node.
// The key is drawn for one attempt, lives in memory, and is wiped when the share
// is made, before CONFIRM: there is never a second share under it. This matters,
// since two decryptions under one key, or one of a chosen c1, give the key away
// ([E409], and SECURITY.md of the library).
//
// A share's flooding is an integer uniform in [-2^b, 2^b), from the system's
// random source, so that what a share shows beyond the sum is within
// [Params.Margin] bits of nothing: at least 40, counted over all coefficients
// decrypted under the key. The library's own sampler for this is not used: its
// values lie on a grid coarser than the ciphertext noise, which gives the key away.
//
// The second lock: before encryption each pair of nodes adds and subtracts a
// common pad modulo t (from their ephemeral X25519 keys, HKDF and AES-256-CTR), in
// the way of [BIK+17]. Plaintexts of any set of nodes but all are therefore uniform
// even to somebody who reads every ciphertext. t is a power of two and the codec
// floor(Q m / t) is exact, so that pads vanish from the sum and from nothing else.
//
// Shares are sealed to the nodes, so that the coordinator is no recipient of the
// sum; a colluding recipient can pass it on.
//
// # What is not proven
//
// That a node's numbers are what the job card says, or within a norm: nothing here
// bounds them, beyond what the encoding carries. That a key share, ciphertext or
// share is well formed: a lying node can spoil the sum, which the check slot, the
// spare slots and the noise bound show with high probability but not always (a
// node can always add to the sum what it likes). That all get the sum: whoever
// holds the last share, or the coordinator, can keep it from others. Colluders who enlarge the error
// of their key shares enlarge the ciphertext noise, up to what decoding notices;
// the margin is for honest errors, and against that the pads stand alone. That
// the sum itself is harmless: with three nodes it shows the sum of the other two,
// and differential privacy is the caller's part. Side channels and copies that the
// runtime or the library leave in memory are not treated.
//
// # What the caller does
//
// Keeps the highest attempt number durably before HELLO leaves, and the peers'
// ledger marks ([Attempt.Ledgers]) when all are in. Draws the noise before Input.
// Ends an attempt whose deadline passes with [Attempt.Abort]; a crash before the
// barrier needs nothing. Gives [Attempt.Cross] a function that writes charge and
// record in one fsync; after a crash past it, [Resume]s the record and sends the
// same bytes again. Keeps messages and parts, the opened shares among them, for
// [Verify]. Begins a new attempt with a new number, HELLO and keys, and after the
// barrier with fresh noise.
//
// # References
//
// [LPR10] Lyubashevsky, Peikert, Regev, On ideal lattices and learning with errors
// over rings. [AJLT12] Asharov et al., Multiparty computation with low
// communication, computation and interaction via threshold FHE. [MTBH21] Mouchet et
// al., Multiparty homomorphic encryption from ring-learning-with-errors. [BIK+17]
// Bonawitz et al., Practical secure aggregation for privacy-preserving machine
// learning. [E409] IACR ePrint 2025/409, on repeated threshold
// decryption. Ed25519: RFC 8032. X25519: RFC 7748. HKDF: RFC 5869. SHAKE256: FIPS
// 202. AES-GCM: NIST SP 800-38D.
package secagg
