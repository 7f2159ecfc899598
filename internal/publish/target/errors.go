package target

import (
	"errors"

	"github.com/vedette-project/vedette/internal/publish"
)

// refused reports whether an error is for good.
func refused(err error) bool {
	r := (*publish.RefusedError)(nil)
	return errors.As(err, &r)
}
