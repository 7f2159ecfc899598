// Package config is the file an operator writes: typed, strict, defaulted and
// validated. It is pure data and imports nothing of ours; app turns each
// section into the options of the room it belongs to.
package config
