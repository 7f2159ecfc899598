package console

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// processOf tells which program it was, and what it did.
func processOf(who, what *factGroup, d *finding.RuntimeDetails) {
	if d == nil {
		return
	}
	if p := d.Process; p != nil {
		who.add("Program", p.ExecutablePath)
		who.add("Process", joined(" ", p.Name, "with the PID "+strconv.FormatInt(p.PID, 10)))
		user := p.User
		if p.UserID != 0 || p.User == "" {
			user = joined(" ", user, "("+strconv.FormatInt(p.UserID, 10)+")")
		}
		who.add("As the user", user)
		who.add("In the folder", p.Pwd)
		who.add("SHA-256 of the program", p.ExecutableSHA256)
	}
	c := d.Context
	if c == nil {
		return
	}
	for _, f := range []struct{ name, value string }{
		{"Tool", joined(", ", c.ToolName, c.ToolCategory)}, {"Command line", c.CommandLineExample}, {"File", joined(" ", c.FileOperation, c.FilePath)},
		{"Threat file", c.ThreatFilePath}, {"Related files", strings.Join(c.RelatedFilePaths, ", ")}, {"Script", c.ScriptPath}, {"Library", c.LibraryPath},
		{"LD_PRELOAD", c.LdPreloadValue}, {"Socket", c.SocketPath}, {"runc", c.RuncBinaryPath}, {"release_agent", c.ReleaseAgentPath},
		{"Mount", joined(" at ", c.MountSource, c.MountTarget)}, {"File system", c.FileSystemType}, {"Flags", strings.Join(c.Flags, ", ")},
		{"Kernel module", joined(" ", c.ModuleName, c.ModuleFilePath)}, {"SHA-256 of the module", c.ModuleSHA256}, {"Shell history", c.ShellHistoryFilePath},
		{"Service", c.ServiceName}, {"Memory", strings.Join(c.MemoryRegions, ", ")},
	} {
		what.add(f.name, f.value)
	}
	for _, p := range []struct {
		name string
		p    *finding.ProcessDetails
	}{{"Target process", c.TargetProcess}, {"Changed by", c.ModifyingProcess}} {
		if p.p != nil {
			what.add(p.name, joined(" ", p.p.Name, p.p.ExecutablePath))
		}
	}
}

func malwareOf(what *factGroup, s *finding.Service) {
	const most = 10
	if m := s.MalwareScanDetails; m != nil {
		for _, t := range m.Threats[:min(len(m.Threats), most)] {
			what.add("Threat", joined(" ", t.Name, t.Hash))
			for _, p := range t.ItemPaths[:min(len(t.ItemPaths), most)] {
				what.add("in", p.NestedItemPath)
			}
		}
	}
	e := s.EBSVolumeScanDetails
	if e == nil || e.ScanDetections == nil || e.ScanDetections.ThreatDetectedByName == nil {
		return
	}
	names := e.ScanDetections.ThreatDetectedByName.ThreatNames
	for _, t := range names[:min(len(names), most)] {
		what.add("Threat", joined(", ", t.Name, strings.ToLower(t.Severity)))
		for _, p := range t.FilePaths[:min(len(t.FilePaths), most)] {
			what.add("in", joined(" ", p.FilePath, p.Hash))
		}
	}
}

func kubernetesOf(where *factGroup, r *finding.Resource) {
	if c := r.EKSClusterDetails; c != nil {
		where.link("Cluster", c.Name, "cluster", c.Name)
	}
	if r.KubernetesDetails == nil || r.KubernetesDetails.KubernetesWorkloadDetails == nil {
		return
	}
	w := r.KubernetesDetails.KubernetesWorkloadDetails
	where.add("Namespace", w.Namespace)
	kind, namespace := "workload", w.Namespace
	if w.Type == "pods" {
		kind = "pod"
	}
	if namespace == "" {
		namespace = noNamespace
	}
	name := "Workload"
	if w.Type != "" {
		name = inWords(strings.TrimSuffix(w.Type, "s"))
	}
	where.link(name, w.Name, kind, namespace+"/"+w.Name)
	where.add("Service account", w.ServiceAccountName)
	var shares []string
	for _, s := range []struct {
		on   bool
		what string
	}{{w.HostNetwork, "network"}, {w.HostPID, "processes"}, {w.HostIPC, "IPC"}} {
		if s.on {
			shares = append(shares, s.what)
		}
	}
	where.add("Shares with the node", strings.Join(shares, ", "))
	containersOf(where, w.Containers)
	for _, v := range w.Volumes[:min(len(w.Volumes), 20)] {
		if v.HostPath != nil {
			where.add("Path of the node", joined(" as ", v.HostPath.Path, v.Name))
		}
	}
}

func containersOf(where *factGroup, list []finding.Container) {
	for _, c := range list[:min(len(list), 10)] {
		name := c.Name
		if c.SecurityContext != nil && c.SecurityContext.Privileged {
			name += " (privileged)"
		}
		where.add("Container", name)
		where.link("Image", c.Image, "image", c.Image)
		where.add("Container ID", c.ID)
	}
}

func machineOf(where *factGroup, r *finding.Resource) {
	if i := r.InstanceDetails; i != nil {
		where.link("Instance", i.InstanceID, "instance", i.InstanceID)
		where.add("Type", i.InstanceType)
		where.add("Image", i.ImageID)
		if i.IAMInstanceProfile != nil {
			where.add("Instance profile", i.IAMInstanceProfile.ARN)
		}
		for _, n := range i.NetworkInterfaces[:min(len(i.NetworkInterfaces), 5)] {
			where.link("Node", n.PrivateDNSName, "node", n.PrivateDNSName)
			where.link("Private address", n.PrivateIPAddress, "address", n.PrivateIPAddress)
			where.link("Public address", n.PublicIP, "address", n.PublicIP)
			where.add("VPC", joined(", ", n.VPCID, n.SubnetID))
		}
	}
	if c := r.ECSClusterDetails; c != nil {
		where.link("ECS cluster", c.Name, "cluster", c.Name)
		if t := c.TaskDetails; t != nil {
			where.add("Task", t.ARN)
			containersOf(where, t.Containers)
		}
	}
	if c := r.ContainerDetails; c != nil {
		containersOf(where, []finding.Container{*c})
	}
	if l := r.LambdaDetails; l != nil {
		where.link("Function", l.FunctionName, "function", l.FunctionName)
		where.add("Role", l.Role)
	}
}

func dataOf(where *factGroup, r *finding.Resource) {
	for _, b := range r.S3BucketDetails[:min(len(r.S3BucketDetails), 10)] {
		where.link("Bucket", b.Name, "bucket", b.Name)
		if b.PublicAccess != nil {
			where.add("Access", strings.ToLower(strings.ReplaceAll(b.PublicAccess.EffectivePermission, "_", " ")))
		}
		for _, o := range b.S3ObjectDetails[:min(len(b.S3ObjectDetails), 10)] {
			where.add("Object", o.Key)
		}
	}
	if d := r.RDSDBInstanceDetails; d != nil {
		where.link("Database", d.DBInstanceIdentifier, "database", d.DBInstanceIdentifier)
		where.add("Engine", joined(" ", d.Engine, d.EngineVersion))
	}
	if d := r.RDSLimitlessDBDetails; d != nil {
		where.add("Database", d.DBShardGroupIdentifier)
	}
	if u := r.RDSDBUserDetails; u != nil {
		where.add("Database user", u.User)
		where.add("Database name", u.Database)
	}
	if v := r.EBSVolumeDetails; v != nil {
		for _, d := range v.ScannedVolumeDetails[:min(len(v.ScannedVolumeDetails), 10)] {
			where.add("Volume", d.VolumeARN)
		}
	}
	if s := r.EBSSnapshotDetails; s != nil {
		where.add("Snapshot", s.SnapshotARN)
	}
	if i := r.EC2ImageDetails; i != nil {
		where.add("Machine image", i.ImageARN)
	}
	if p := r.RecoveryPointDetails; p != nil {
		where.add("Recovery point", joined(" in ", p.RecoveryPointARN, p.BackupVaultName))
	}
	if g := r.BedrockGuardrailDetails; g != nil {
		where.add("Guardrail", g.GuardrailARN)
	}
	for _, m := range r.ModelDetails[:min(len(r.ModelDetails), 10)] {
		where.add("Model", m.ModelID)
	}
}
