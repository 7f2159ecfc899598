// Package access is who may call Vedette and how a call proves it: access
// keys, roles, the sealing of secrets at rest, bearer tokens for pushes, and
// the verification of AWS Signature Version 4.
//
// SigV4 is a shared-secret scheme: the server must know the secret itself, a
// hash of it will not do. So secrets rest sealed (see [Sealer]) and are opened
// only for the moment of a check.
//
// What the verifier accepts is narrower than what AWS accepts, on purpose:
// the Authorization header only (no presigned URLs), one region, one service,
// and a payload hash that covers the body as sent.
package access
