// Package geo says where an address is and whose network it is in. What is
// built in knows the country; databases that the operator mounts add city,
// position, AS and provider. docs/geo.md says what comes from where.
//
// A [DB] never changes and its look-ups may run side by side: when a file has
// changed, open it again and let the new DB take the place of the old.
package geo
