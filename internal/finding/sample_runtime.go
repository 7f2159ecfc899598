package finding

// runtimeDetails is the process behind a finding of the sensor, and what of
// its surroundings the type is about.
func (s *sampler) runtimeDetails() *RuntimeDetails {
	if !s.is("runtime") {
		return nil
	}
	return &RuntimeDetails{Process: s.process("GeneratedFindingProcessName", 1234), Context: s.runtimeContext()}
}

func (s *sampler) process(name string, pid int64) *ProcessDetails {
	return &ProcessDetails{
		Name: name, ExecutablePath: "/usr/bin/" + name, ExecutableSHA256: sampleSHA256, Pwd: "/",
		PID: pid, NamespacePID: 12, StartTime: s.epoch(), UUID: "GeneratedFindingProcessUuid", ParentUUID: "GeneratedFindingParentUuid",
		User: "GeneratedFindingUser", UserID: 1000, Euid: 1000,
		Lineage: []LineageObject{{
			StartTime: s.epoch(), NamespacePID: 1, UserID: 1000, Name: "GeneratedFindingParentName", PID: 1230,
			UUID: "GeneratedFindingParentUuid", ExecutablePath: "/usr/bin/GeneratedFindingParentName", Euid: 1000, ParentUUID: "GeneratedFindingGrandparentUuid",
		}},
	}
}

// runtimeContext is nil for types whose action says it all.
func (s *sampler) runtimeContext() *RuntimeContext {
	switch {
	case s.named("NewBinaryExecuted"):
		return &RuntimeContext{ModifyingProcess: s.process("GeneratedFindingModifyingProcess", 1200), ModifiedAt: s.epoch()}
	case s.named("NewLibraryLoaded"):
		return &RuntimeContext{
			ModifyingProcess: s.process("GeneratedFindingModifyingProcess", 1200), ModifiedAt: s.epoch(),
			LibraryPath: "/usr/lib/GeneratedFindingLibrary.so", LdPreloadValue: "/usr/lib/GeneratedFindingLibrary.so",
		}
	case s.named("KernelModuleLoaded"):
		return &RuntimeContext{
			ModuleName: "GeneratedFindingModule", ModuleFilePath: "/tmp/GeneratedFindingModule.ko", ModuleSHA256: sampleSHA256,
		}
	case s.named("ProcessInjection"):
		return &RuntimeContext{TargetProcess: s.process("GeneratedFindingTargetProcess", 1300)}
	case s.named("SensitiveFileModified"):
		return &RuntimeContext{
			FileOperation: "WRITE", FilePath: "/etc/GeneratedFindingFile", RelatedFilePaths: []string{"/etc/GeneratedFindingRelatedFile"},
		}
	case s.named("SuspiciousCommand"):
		return &RuntimeContext{CommandLineExample: "GeneratedFindingCommandLine"}
	case s.named("SuspiciousTool"):
		return &RuntimeContext{ToolName: "GeneratedFindingTool", ToolCategory: "Pentest Tool"}
	case s.named("SuspiciousShell"):
		return &RuntimeContext{ServiceName: "GeneratedFindingServiceName"}
	case s.named("MaliciousFileExecuted"):
		return &RuntimeContext{ThreatFilePath: "/tmp/GeneratedFindingFile"}
	case s.named("CGroupsRelease"):
		return &RuntimeContext{ReleaseAgentPath: "/sys/fs/cgroup/GeneratedFinding/release_agent"}
	case s.named("ContainerMountsHost"):
		return &RuntimeContext{MountSource: "/dev/sda1", MountTarget: "/GeneratedFindingMountTarget", FileSystemType: "ext4", Flags: []string{"MS_BIND"}}
	case s.named("DockerSocket"):
		return &RuntimeContext{SocketPath: "/var/run/docker.sock"}
	case s.named("RuncContainerEscape"):
		return &RuntimeContext{RuncBinaryPath: "/usr/bin/runc"}
	case s.named("ReverseShell"):
		return &RuntimeContext{AddressFamily: "AF_INET", IanaProtocolNumber: 6}
	}
	return nil
}
