// Package evaluate holds what detection claims against what labels say of the
// records: how much of the bad was found, how soon, and how often it cried wolf.
package evaluate
