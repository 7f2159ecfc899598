package journal

// ReadServer is the name of the server that readers ask.
func (j *Journal) ReadServer() string { return j.read.ConnectedServerName() }
