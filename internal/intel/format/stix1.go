package format

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const maxElements = 64 // how deep elements may lie in one another

// stix1 reads STIX 1.x. The schema offers a hundred ways to say a thing; what
// is read is what CybOX puts into Address_Value, Value of a domain or a URI,
// and Simple_Hash_Value, wherever it stands.
func (s *sink) stix1(in *bufio.Reader) error {
	d := xml.NewDecoder(in)
	d.CharsetReader = charset
	x := stixXML{s: s, d: d, entry: Entry{Confidence: -1}}
	for {
		t, err := d.Token()
		if err == io.EOF {
			return x.whole()
		}
		line, _ := d.InputPos()
		if err != nil {
			return xmlFault(err, line)
		}
		if err := x.token(t, line); err != nil {
			return err
		}
	}
}

// charset lets pass what has been decoded already, and refuses the rest.
func charset(name string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-16", "utf16", "us-ascii", "ascii":
		return in, nil
	}
	return nil, fmt.Errorf("it is written in %s; save it as UTF-8", plain(name))
}

func xmlFault(err error, line int) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return &Fault{syntax.Line, "XML: " + syntax.Msg}
	}
	return asFault(err, line)
}

type stixXML struct {
	s     *sink
	d     *xml.Decoder
	open  []xmlElement
	seen  bool // the package's own element
	entry Entry
	hash  string // the kind of the hash that is being read
}

type xmlElement struct {
	name   string
	kind   string // xsi:type, category or condition: what tells how to read it
	text   strings.Builder
	negate bool
}

func (x *stixXML) token(t xml.Token, line int) error {
	switch t := t.(type) {
	case xml.Directive:
		return &Fault{line, "a document type or entity declaration: lists have none, attacks do"}
	case xml.StartElement:
		return x.start(t, line)
	case xml.CharData:
		if n := len(x.open); n > 0 && wantsText(x.open[n-1].name) {
			if x.open[n-1].text.Len()+len(t) > maxLine {
				return &Fault{line, fmt.Sprintf("an element %s of more than %d bytes", x.open[n-1].name, maxLine)}
			}
			x.open[n-1].text.Write(t)
		}
	case xml.EndElement:
		el := &x.open[len(x.open)-1] // the decoder checks that it fits
		err := x.end(el, line)
		x.open[len(x.open)-1] = xmlElement{}
		x.open = x.open[:len(x.open)-1]
		return err
	}
	return nil
}

func (x *stixXML) start(t xml.StartElement, line int) error {
	if len(x.open) >= maxElements {
		return &Fault{line, "elements in one another, too deep for a list"}
	}
	name := t.Name.Local
	if !x.seen {
		if name != "STIX_Package" && name != "Observables" && name != "Indicators" {
			return &Fault{line, fmt.Sprintf("the first element is %s, not STIX_Package: this is XML, but no STIX 1.x", plain(name))}
		}
		x.seen = true
	}
	el := xmlElement{name: name}
	if n := len(x.open); n > 0 {
		el.negate = x.open[n-1].negate
	}
	for _, a := range t.Attr {
		switch a.Name.Local {
		case "type", "condition":
			el.kind += " " + a.Value
		case "negate":
			el.negate = el.negate || a.Value == "true" || a.Value == "1"
		case "timestamp":
			if name == "Indicator" {
				x.entry.First = when(a.Value)
			}
		}
	}
	x.open = append(x.open, el)
	return nil
}

func wantsText(name string) bool {
	switch name {
	case "Address_Value", "Value", "Simple_Hash_Value", "Type", "Title", "End_Time", "Start_Time":
		return true
	}
	return false
}

// end acts on a whole element.
func (x *stixXML) end(el *xmlElement, line int) error {
	text := strings.TrimSpace(el.text.String())
	parent, properties := "", ""
	if n := len(x.open); n > 1 {
		parent, properties = x.open[n-2].name, x.open[n-2].kind
	}
	switch {
	case el.name == "Indicator":
		x.entry = Entry{Confidence: -1}
		return nil
	case el.name == "Title" && parent == "Indicator":
		x.entry.Threat = text
	case el.name == "Type" && parent == "Indicator" && text != "":
		x.entry.Tags = append(x.entry.Tags, text)
	case el.name == "Start_Time" && parent == "Valid_Time_Position":
		x.entry.First = when(text)
	case el.name == "End_Time" && parent == "Valid_Time_Position":
		x.entry.Expires = when(text)
	case el.name == "Type" && parent == "Hash":
		x.hash = text
	case el.name == "Address_Value":
		return x.values(el, text, line)
	case el.name == "Value" && (strings.Contains(properties, "DomainName") || strings.Contains(properties, "URI") || strings.Contains(properties, "Hostname")):
		return x.values(el, text, line)
	case el.name == "Simple_Hash_Value":
		if x.hash != "" && !isSHA256(x.hash) && (!x.s.o.Hashes || !isHashName(x.hash)) {
			x.s.skip("hash " + plain(x.hash))
			return nil
		}
		return x.values(el, text, line)
	}
	return nil
}

// values makes entries of one element, which may list several.
func (x *stixXML) values(el *xmlElement, text string, line int) error {
	e := x.entry
	e.Line = line
	if el.negate {
		x.s.skip("negated observable")
		return nil
	}
	parts := strings.Split(text, "##comma##")
	switch {
	case strings.Contains(el.kind, "InclusiveBetween"):
		if len(parts) != 2 {
			return x.s.fault(line, "a range needs two addresses with ##comma## between them")
		}
		return x.s.span(parts[0], parts[1], e)
	case strings.Contains(el.kind, "Not") || strings.Contains(el.kind, "Pattern") || strings.Contains(el.kind, "Contains") || strings.Contains(el.kind, "With"):
		x.s.skip("condition other than Equals")
		return nil
	}
	for _, p := range parts {
		if strings.Contains(p, "@") && !strings.Contains(p, "://") {
			x.s.skip("e-mail address")
			continue
		}
		if err := x.s.value(p, e); err != nil {
			return err
		}
	}
	return nil
}

func (x *stixXML) whole() error {
	if !x.seen {
		return &Fault{0, "XML without any element"}
	}
	return nil
}
