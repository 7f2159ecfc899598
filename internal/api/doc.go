// Package api is the GuardDuty REST API: hand-written handlers and wire types,
// SigV4, paging and the service's literal error texts.
package api
