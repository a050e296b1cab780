// Package api serves the domain over HTTP: templates, estimates, queries,
// releases and budgets under /v1, as an OpenAPI 3.1 document describes them.
//
// Nothing is decided here. A [Server] finds out who calls, reads the request
// strictly, hands it to a [Service] (in practice *queries.Runner) and turns
// what comes back into bytes or into one problem document (RFC 9457); the map
// from errors to problems is in problems.go and nowhere else. An error that is
// not in the map is a bare 500, because its text may quote data.
//
// A [Server] has two handlers: Handler is for clients, Internal for the
// domain's own listener, where metrics and the detail of readiness are.
// [Client] is the other end of Handler.
package api
