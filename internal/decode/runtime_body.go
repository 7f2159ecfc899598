package decode

import (
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

func (d *Decoder) readExec(s *jsonscan.Scanner, name []byte, v *event.Exec) error {
	return fields(s, name, func(key []byte) (err error) {
		switch string(key) {
		case "path":
			return text(s, key, &v.Path)
		case "file":
			return d.readImage(s, key, &v.File)
		case "stdio":
			v.FDs, err = list(s, key, &d.out.runtime.stdio, d.readStdio)
			return err
		case "oldUid":
			return integer(s, key, &v.OldUID)
		case "oldEuid":
			return integer(s, key, &v.OldEUID)
		case "setuid":
			return flag(s, key, &v.Setuid)
		}
		return skip(s)
	})
}

func (d *Decoder) readImage(s *jsonscan.Scanner, name []byte, v *event.Image) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "path":
			return text(s, key, &v.Path)
		case "device":
			return integer(s, key, &v.Device)
		case "inode":
			return integer(s, key, &v.Inode)
		case "mode":
			return integer(s, key, &v.Mode)
		case "ctime":
			return d.moment(s, key, &v.CTime)
		case "mtime":
			return d.moment(s, key, &v.MTime)
		case "fileSystem":
			return text(s, key, &v.FileSystem)
		case "memfd":
			return flag(s, key, &v.Memfd)
		case "deleted":
			return flag(s, key, &v.Deleted)
		case "upper":
			return flag(s, key, &v.Upper)
		case "writer":
			return optional(s, key, &v.Writer, &d.out.runtime.processes, d.readProcess)
		case "writtenAt":
			return d.moment(s, key, &v.WrittenAt)
		}
		return skip(s)
	})
}

func (d *Decoder) readStdio(s *jsonscan.Scanner, name []byte, v *event.Stdio) error {
	return fields(s, name, func(key []byte) error { return d.stdioMember(s, key, v) })
}

func (d *Decoder) stdioMember(s *jsonscan.Scanner, key []byte, v *event.Stdio) error {
	switch string(key) {
	case "fd":
		return integer(s, key, &v.FD)
	case "kind":
		return text(s, key, &v.Kind)
	case "path":
		return text(s, key, &v.Path)
	case "inode":
		return integer(s, key, &v.Inode)
	case "socket":
		return optional(s, key, &v.Socket, &d.out.runtime.sockets, readSocket)
	}
	return skip(s)
}

func readSocket(s *jsonscan.Scanner, name []byte, v *event.Socket) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "family":
			return text(s, key, &v.Family)
		case "type":
			return text(s, key, &v.Type)
		case "protocol":
			return integer(s, key, &v.Protocol)
		case "local":
			return end(s, key, &v.Local)
		case "remote":
			return end(s, key, &v.Remote)
		case "path":
			return text(s, key, &v.Path)
		case "inode":
			return integer(s, key, &v.Inode)
		case "accepted":
			return flag(s, key, &v.Accepted)
		}
		return skip(s)
	})
}

func (*Decoder) readExit(s *jsonscan.Scanner, name []byte, v *event.Exit) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "code":
			return integer(s, key, &v.Code)
		case "signal":
			return text(s, key, &v.Signal)
		}
		return skip(s)
	})
}

func (d *Decoder) readFile(s *jsonscan.Scanner, name []byte, v *event.FileChange) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "path":
			return text(s, key, &v.Path)
		case "newPath":
			return text(s, key, &v.NewPath)
		case "flags":
			return d.textList(s, key, &v.Flags)
		case "mode":
			return integer(s, key, &v.Mode)
		case "created":
			return flag(s, key, &v.Created)
		case "host":
			return flag(s, key, &v.Host)
		}
		return skip(s)
	})
}

func (d *Decoder) readLibrary(s *jsonscan.Scanner, name []byte, v *event.Mapped) error {
	return fields(s, name, func(key []byte) error {
		if string(key) == "file" {
			return d.readImage(s, key, &v.File)
		}
		return skip(s)
	})
}

func (*Decoder) readConnection(s *jsonscan.Scanner, name []byte, v *event.Connection) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "socket":
			return readSocket(s, key, &v.Socket)
		case "established":
			return flag(s, key, &v.Established)
		case "count":
			return integer(s, key, &v.Count)
		}
		return skip(s)
	})
}

func (d *Decoder) readDup(s *jsonscan.Scanner, name []byte, v *event.Dup) error {
	return fields(s, name, func(key []byte) (err error) {
		switch string(key) {
		case "old":
			return integer(s, key, &v.Old)
		case "stdio":
			v.All, err = list(s, key, &d.out.runtime.stdio, d.readStdio)
			return err
		}
		return d.stdioMember(s, key, &v.Stdio)
	})
}

func (d *Decoder) readLookup(s *jsonscan.Scanner, name []byte, v *event.Lookup) error {
	return fields(s, name, func(key []byte) (err error) {
		switch string(key) {
		case "transport":
			return text(s, key, &v.Transport)
		case "server":
			return end(s, key, &v.Server)
		case "local":
			return end(s, key, &v.Local)
		case "id":
			return integer(s, key, &v.ID)
		case "response":
			return flag(s, key, &v.Response)
		case "name":
			return text(s, key, &v.Name)
		case "type":
			return text(s, key, &v.Type)
		case "rcode":
			return text(s, key, &v.Rcode)
		case "answers":
			v.Answers, err = list(s, key, &d.out.runtime.answers, readAnswer)
			return err
		}
		return skip(s)
	})
}

func readAnswer(s *jsonscan.Scanner, name []byte, v *event.DNSRecord) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "name":
			return text(s, key, &v.Name)
		case "type":
			return text(s, key, &v.Type)
		case "data":
			return text(s, key, &v.Data)
		}
		return skip(s)
	})
}

func (d *Decoder) readMount(s *jsonscan.Scanner, name []byte, v *event.Mount) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "source":
			return text(s, key, &v.Source)
		case "target":
			return text(s, key, &v.Target)
		case "fileSystem":
			return text(s, key, &v.FileSystem)
		case "flags":
			return d.textList(s, key, &v.Flags)
		}
		return skip(s)
	})
}

func (*Decoder) readModule(s *jsonscan.Scanner, name []byte, v *event.Module) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "name":
			return text(s, key, &v.Name)
		case "path":
			return text(s, key, &v.Path)
		case "sha256":
			return text(s, key, &v.SHA256)
		case "type":
			return text(s, key, &v.Type)
		}
		return skip(s)
	})
}

func (d *Decoder) readTarget(s *jsonscan.Scanner, name []byte, v *event.Target) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "process":
			return d.readProcess(s, key, &v.Process)
		case "request":
			return text(s, key, &v.Request)
		case "bytes":
			return integer(s, key, &v.Bytes)
		}
		return skip(s)
	})
}

func (d *Decoder) readMemory(s *jsonscan.Scanner, name []byte, v *event.Memory) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "name":
			return text(s, key, &v.Name)
		case "flags":
			return d.textList(s, key, &v.Flags)
		case "start":
			return integer(s, key, &v.Start)
		case "size":
			return integer(s, key, &v.Size)
		}
		return skip(s)
	})
}

func (d *Decoder) readCreds(s *jsonscan.Scanner, name []byte, v *event.Creds) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "oldUid":
			return integer(s, key, &v.OldUID)
		case "oldEuid":
			return integer(s, key, &v.OldEUID)
		case "addedCapabilities":
			return d.textList(s, key, &v.Added)
		}
		return skip(s)
	})
}

func (d *Decoder) readNamespace(s *jsonscan.Scanner, name []byte, v *event.Namespace) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "types":
			return d.textList(s, key, &v.Types)
		case "host":
			return flag(s, key, &v.Host)
		}
		return skip(s)
	})
}

func (*Decoder) readStratum(s *jsonscan.Scanner, name []byte, v *event.Stratum) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "method":
			return text(s, key, &v.Method)
		case "user":
			return text(s, key, &v.User)
		case "agent":
			return text(s, key, &v.Agent)
		case "socket":
			return readSocket(s, key, &v.Socket)
		}
		return skip(s)
	})
}

func (d *Decoder) readStatus(s *jsonscan.Scanner, name []byte, v *event.Status) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "upSeconds":
			return decimal(s, key, &v.Up)
		case "cpuSeconds":
			return decimal(s, key, &v.CPU)
		case "rssBytes":
			return integer(s, key, &v.RSS)
		case "seen":
			return integer(s, key, &v.Seen)
		case "sent":
			return integer(s, key, &v.Sent)
		case "lost":
			return counts(s, key, &v.Lost)
		case "filtered":
			return counts(s, key, &v.Filtered)
		case "discarded":
			return integer(s, key, &v.Discarded)
		case "before":
			return optional(s, key, &v.Before, &d.out.runtime.sessions, d.readSession)
		case "missing":
			return d.textList(s, key, &v.Missing)
		case "ending":
			return flag(s, key, &v.Ending)
		}
		return skip(s)
	})
}

func (d *Decoder) readSession(s *jsonscan.Scanner, name []byte, v *event.Session) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "session":
			return text(s, key, &v.ID)
		case "sequence":
			return integer(s, key, &v.Sequence)
		case "last":
			return d.moment(s, key, &v.Last)
		}
		return skip(s)
	})
}

func (d *Decoder) readAlert(s *jsonscan.Scanner, name []byte, v *event.Alert) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "rule":
			return text(s, key, &v.Rule)
		case "priority":
			return text(s, key, &v.Priority)
		case "text":
			return text(s, key, &v.Text)
		case "tags":
			return d.textList(s, key, &v.Tags)
		}
		return skip(s)
	})
}
