package policy

import "sync/atomic"

// InForce holds the policy that is in force, which may be replaced while others read it.
type InForce struct{ p atomic.Pointer[Policy] }

// Put replaces the policy.
func (f *InForce) Put(p *Policy) { f.p.Store(p) }

// Policy is the policy in force; nil before the first Put.
func (f *InForce) Policy() *Policy { return f.p.Load() }

// Organisation is [Policy.Organisation] of the policy in force.
func (f *InForce) Organisation(principal string) string { return f.Policy().Organisation(principal) }

// ByCertificate is [Policy.ByCertificate] of the policy in force.
func (f *InForce) ByCertificate(key string) string { return f.Policy().ByCertificate(key) }

// ByAccount is [Policy.ByAccount] of the policy in force.
func (f *InForce) ByAccount(issuer, subject string) string {
	return f.Policy().ByAccount(issuer, subject)
}
