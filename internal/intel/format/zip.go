package format

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// zipEntry begins each entry of an archive's table of contents, which may be for
// folders, too.
const (
	zipEntry      = "PK\x01\x02"
	maxZipEntries = 100
)

// unzip opens the one file of an archive. The table of contents stands at its
// end, so it is read as a whole: it is bounded as every list is.
func unzip(r io.Reader) (io.Reader, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if bytes.Count(data, []byte(zipEntry)) > maxZipEntries { // before room is made for them
		return nil, severalFiles()
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("unpack the list: it is cut short, or no zip archive: %w", err)
	}
	var list *zip.File
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		if list != nil {
			return nil, severalFiles()
		}
		list = f
	}
	switch {
	case list == nil:
		return nil, fmt.Errorf("%w: it is a zip archive without a file", ErrContent)
	case list.Flags&1 != 0:
		return nil, fmt.Errorf("%w: it is a zip archive with a password", ErrContent)
	}
	f, err := list.Open()
	if err != nil {
		return nil, fmt.Errorf("unpack the list: %w", err)
	}
	return unzipped{f}, nil
}

func severalFiles() error {
	return fmt.Errorf("%w: it is a zip archive of several files; one of a single file is read", ErrContent)
}

// unzipped says what is wrong in words when an archive is damaged.
type unzipped struct{ r io.Reader }

func (u unzipped) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("unpack the list: the zip archive is damaged: %w", err)
	}
	return n, err
}
