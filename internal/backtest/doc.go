// Package backtest compares what two settings find in the same records: what a
// change of rules, settings or suppression rules would add, lose or hide.
package backtest
