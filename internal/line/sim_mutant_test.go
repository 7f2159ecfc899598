package line

import "testing"

// mutant is something wrong with the world, which the simulation must notice.
type mutant int

const (
	sound                       mutant = iota
	mutantNoEpoch                      // Advance does not look at the epoch
	mutantNoFrom                       // Advance does not look at the position
	mutantNoFence                      // at neither
	mutantUnlockEarly                  // Advance does not hold the row until the end
	mutantClaimNoLock                  // Claim does not wait for a commit under way
	mutantClaimNoLockNoFrom            // and Advance does not look at the position
	mutantClaimFromMemory              // a worker believes what it knew of its shard
	mutantClaimFromMemoryNoFrom        // and Advance does not look at the position
	mutantSameEpoch                    // Claim does not raise the epoch
	mutantNoLease                      // Claim takes what is another's
	mutantNoProlong                    // Heartbeat prolongs nothing
	mutantNoAttempts                   // Claim does not count attempts
	mutantNoStrikes                    // what is on trial is not written down
	mutantNoForget                     // the judge keeps what it learned in a commit that failed
	mutantNoRestore                    // its state is not read again
	mutantNoSeen                       // which records were seen is not kept
	mutantNoRecordDedup                // the judge does not know records again
	mutantNoDedup                      // the journal does not know messages again
	mutantNoDedupAtAll                 // neither does
	mutantCursorApart                  // cursors are committed for themselves
	mutantEffectsApart                 // effects are
	mutantTrimEarly                    // the journal is trimmed before the commit
	mutantReadLate                     // a reader begins one message too late
	mutantAckEarly                     // the journal answers before it has the message
	mutantUnsettled                    // changes are shown that others may yet come before
)

// TestSimulationNoticesMutants shows that the simulation sees what it is for.
func TestSimulationNoticesMutants(t *testing.T) {
	if raced {
		t.Skip("one goroutine has no races, and this takes long")
	}
	for _, c := range []struct {
		m    mutant
		what string
		// harmless: what is left of the protocol makes up for it
		harmless bool
	}{
		{mutantNoEpoch, "no check of the epoch", false},
		{mutantNoFrom, "no check of the position", false},
		{mutantNoFence, "no check of either", false},
		{mutantUnlockEarly, "Advance lets go of the row", false},
		{mutantClaimNoLock, "Claim does not wait for a commit", false},
		{mutantClaimNoLockNoFrom, "Claim does not wait, and no check of the position", false},
		{mutantClaimFromMemory, "a claim from memory", false},
		{mutantClaimFromMemoryNoFrom, "a claim from memory, and no check of the position", false},
		{mutantSameEpoch, "Claim keeps the epoch", false},
		{mutantNoLease, "leases are not respected", true},
		{mutantNoProlong, "leases are not prolonged", true},
		{mutantNoAttempts, "attempts are not counted", false},
		{mutantNoStrikes, "strikes are not written down", false},
		{mutantNoForget, "the judge does not forget", false},
		{mutantNoRestore, "the judge does not restore", false},
		{mutantNoSeen, "seen records are not kept", false},
		{mutantNoRecordDedup, "records are not known again", false},
		{mutantNoDedup, "messages are not known again", true},
		{mutantCursorApart, "cursors committed apart", false},
		{mutantEffectsApart, "effects committed apart", false},
		{mutantTrimEarly, "trimmed before the commit", false},
		{mutantReadLate, "a reader begins too late", false},
		{mutantAckEarly, "answered before it is stored", false},
		{mutantUnsettled, "unsettled changes are shown", false},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			within := uint64(3000)
			if c.harmless {
				within = 400
			}
			for seed := uint64(1); seed <= within; seed++ {
				if s := simulate(config{seed: seed, mutant: c.m}, false); s.broken != "" {
					if c.harmless {
						t.Errorf("seed %d: %s", seed, s.broken)
					}
					t.Logf("noticed after %d seeds: %.200s", seed, s.broken)
					return
				}
			}
			if !c.harmless {
				t.Errorf("not noticed within %d seeds", within)
			}
		})
	}
}
