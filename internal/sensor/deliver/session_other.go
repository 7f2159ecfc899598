//go:build !unix

package deliver

import "errors"

func shared(string, int) ([]byte, func() error, error) {
	return nil, nil, errors.ErrUnsupported
}
