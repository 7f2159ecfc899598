package decode

import (
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

func readSensor(s *jsonscan.Scanner, name []byte, v *event.Sensor) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "name":
			return text(s, key, &v.Name)
		case "version":
			return text(s, key, &v.Version)
		case "session":
			return text(s, key, &v.Session)
		case "sequence":
			return integer(s, key, &v.Sequence)
		}
		return skip(s)
	})
}

func readNode(s *jsonscan.Scanner, name []byte, v *event.Node) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "name":
			return text(s, key, &v.Name)
		case "cluster":
			return text(s, key, &v.Cluster)
		case "bootId":
			return text(s, key, &v.BootID)
		case "kernel":
			return text(s, key, &v.Kernel)
		case "instanceId":
			return text(s, key, &v.InstanceID)
		case "accountId":
			return text(s, key, &v.Account)
		case "region":
			return text(s, key, &v.Region)
		case "address":
			return text(s, key, &v.Address)
		}
		return skip(s)
	})
}

func (d *Decoder) readProcess(s *jsonscan.Scanner, name []byte, v *event.Process) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "uuid":
			return text(s, key, &v.UUID)
		case "parentUuid":
			return text(s, key, &v.ParentUUID)
		case "pid":
			return integer(s, key, &v.PID)
		case "namespacePid":
			return integer(s, key, &v.NamespacePID)
		case "name":
			return text(s, key, &v.Name)
		case "executable":
			return text(s, key, &v.Executable)
		case "sha256":
			return text(s, key, &v.SHA256)
		case "args":
			return d.textList(s, key, &v.Args)
		case "argsCut":
			return flag(s, key, &v.ArgsCut)
		case "cwd":
			return text(s, key, &v.Cwd)
		case "script":
			return text(s, key, &v.Script)
		case "uid":
			return integer(s, key, &v.UID)
		case "gid":
			return integer(s, key, &v.GID)
		case "euid":
			return integer(s, key, &v.EUID)
		case "egid":
			return integer(s, key, &v.EGID)
		case "user":
			return text(s, key, &v.User)
		case "start":
			return d.moment(s, key, &v.Start)
		case "tty":
			return flag(s, key, &v.TTY)
		case "listens":
			return flag(s, key, &v.Listens)
		case "ldPreload":
			return text(s, key, &v.Preload)
		case "ldLibraryPath":
			return text(s, key, &v.LibraryPath)
		}
		return skip(s)
	})
}

func (d *Decoder) readContainer(s *jsonscan.Scanner, name []byte, v *event.Container) error {
	return fields(s, name, func(key []byte) (err error) {
		switch string(key) {
		case "id":
			return text(s, key, &v.ID)
		case "name":
			return text(s, key, &v.Name)
		case "image":
			return text(s, key, &v.Image)
		case "imageId":
			return text(s, key, &v.ImageID)
		case "runtime":
			return text(s, key, &v.Runtime)
		case "start":
			return d.moment(s, key, &v.Start)
		case "privileged":
			return flag(s, key, &v.Privileged)
		case "mounts":
			v.Mounts, err = list(s, key, &d.out.runtime.binds, readBind)
			return err
		case "build":
			return flag(s, key, &v.Build)
		}
		return skip(s)
	})
}

func readBind(s *jsonscan.Scanner, name []byte, v *event.Bind) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "source":
			return text(s, key, &v.Source)
		case "target":
			return text(s, key, &v.Target)
		case "name":
			return text(s, key, &v.Name)
		case "readOnly":
			return flag(s, key, &v.ReadOnly)
		}
		return skip(s)
	})
}

func (*Decoder) readPod(s *jsonscan.Scanner, name []byte, v *event.Pod) error {
	return fields(s, name, func(key []byte) error {
		switch string(key) {
		case "name":
			return text(s, key, &v.Name)
		case "namespace":
			return text(s, key, &v.Namespace)
		case "uid":
			return text(s, key, &v.UID)
		case "serviceAccount":
			return text(s, key, &v.ServiceAccount)
		case "ownerKind":
			return text(s, key, &v.OwnerKind)
		case "ownerName":
			return text(s, key, &v.OwnerName)
		case "address":
			return text(s, key, &v.Address)
		case "hostNetwork":
			return flag(s, key, &v.HostNetwork)
		case "hostPid":
			return flag(s, key, &v.HostPID)
		case "hostIpc":
			return flag(s, key, &v.HostIPC)
		}
		return skip(s)
	})
}
