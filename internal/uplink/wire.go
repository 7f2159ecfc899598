package uplink

// Media types by which a sender that took logs apart says what its body is.
// Without one of them the server goes by the content.
const (
	MediaLines    = "application/vnd.vedette.lines"    // a record on each line
	MediaDocument = "application/vnd.vedette.document" // one record or one list of records, whatever it looks like
)

// HeaderRefused is of a 400. With RefusedRecords the body was read and what is
// in it counted as malformed: it need not come again. A 400 without it may be
// somebody else's, such as a proxy's.
const (
	HeaderRefused  = "Vedette-Refused"
	RefusedRecords = "records"
)
