package app

import "github.com/vedette-project/vedette/internal/intel"

// explain asks the lists by which this process judges, as they are when it is
// asked; nil in one that judges nothing and has loaded none.
func (a *App) explain() func(asked string) (*intel.Explanation, error) {
	if a.current == nil {
		return nil
	}
	return func(asked string) (*intel.Explanation, error) {
		set, _ := a.current.get()
		return LookUp(set, asked)
	}
}
