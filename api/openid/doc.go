// Package openid lets people in by a standard OpenID provider: OpenID Connect Core
// 1.0 with discovery, the authorisation code flow with PKCE (RFC 7636) for
// browsers, and access tokens in the form of RFC 9068 for programs.
//
// The provider says who somebody is and nothing else: which principal an account
// is, and what that one may do, stands in the domain's policy. Accounts are known
// by issuer and subject, never by a name or an address, which providers give to
// somebody else one day.
//
// An ID token is for the client that asked for it and is never taken as a bearer
// token: the audience of access tokens is another one, and New insists on that.
package openid
