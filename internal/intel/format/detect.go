package format

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Detect tells a format by the beginning of a list, unpacked: some kilobytes
// are enough. It is empty for blank content and for web pages.
func Detect(head []byte) Format {
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\uFEFF")))
	if len(head) == 0 || looksHTML(head) {
		return unknownType
	}
	switch head[0] {
	case '<':
		return STIX
	case '{':
		return detectJSON(head)
	case '[':
		if rest := bytes.TrimSpace(head[1:]); len(rest) > 0 && strings.IndexByte("{[]\"", rest[0]) >= 0 {
			return detectJSON(head)
		}
	}
	return detectText(string(head))
}

func looksHTML(head []byte) bool {
	low := bytes.ToLower(bytes.TrimSpace(head[:min(len(head), 1024)]))
	if bytes.HasPrefix(low, []byte("<?xml")) && !bytes.Contains(low, []byte("<html")) {
		return false
	}
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body", "<script", "<title", "<?xml"} {
		if bytes.HasPrefix(low, []byte(tag)) {
			return true
		}
	}
	return false
}

func detectJSON(head []byte) Format {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(head, []byte(w)) })
	}
	switch {
	case has(`"relays_published"`, `"relays"`, `"bridges_published"`):
		return TorOnionoo
	case has(`"Event"`, `"Attribute"`, `"EventReport"`):
		return MISP
	case has(`"spec_version"`, `"indicator--`, `"bundle--`, `"pattern_type"`):
		return STIX2
	}
	return JSON
}

// detectText looks at the first line that is no comment, and at comments that
// name columns.
func detectText(head string) Format {
	for line := range strings.Lines(head) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		low := strings.ToLower(strings.Join(strings.Fields(line), ""))
		switch {
		case strings.HasPrefix(low, "indicatortype,indicator"):
			return OTXCSV
		case strings.HasPrefix(low, "ip,category,score") || strings.HasPrefix(low, "domain,category,score"):
			return ProofPoint
		case strings.HasPrefix(low, "reportid,title,"):
			return FireEye
		case strings.HasPrefix(line, "ExitNode "):
			return TorExits
		case isHeader(line):
			return CSV
		case isComment(line):
			continue
		case strings.Count(line, "#") >= 6:
			return AlienVault
		case separator(line) != 0:
			return CSV
		}
		return List
	}
	return List
}

func isComment(line string) bool {
	return line[0] == '#' || line[0] == ';' || line[0] == '!' || strings.HasPrefix(line, "//")
}

// contradiction refuses content that is plainly of another format than said.
func contradiction(said, found Format, head []byte) error {
	if said == found || found == unknownType {
		return nil
	}
	family := func(f Format) string {
		switch f {
		case STIX:
			return "XML"
		case JSON, STIX2, MISP, TorOnionoo:
			return "JSON"
		}
		return "text"
	}
	sure := found != List && found != CSV && found != JSON // those are what is left
	switch {
	case said == JSON && family(found) == "JSON":
		return nil // any JSON may be read as records
	case family(said) == family(found) && !sure, said == TXT && found == List, said == List && found == CSV:
		return nil
	case family(said) == family(found) && (said == CSV && (found == OTXCSV || found == ProofPoint || found == FireEye)):
		return nil
	case family(said) == "JSON" && family(found) == "JSON" && len(head) == headSize:
		return nil // the words that tell may stand further down
	}
	return fmt.Errorf("%w: %s was said, this looks like %s", ErrContent, said, found)
}
