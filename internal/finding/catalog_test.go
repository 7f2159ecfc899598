package finding

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// implemented are the types that this build raises; the list stands here so
// that a slip in the data file shows.
var implemented = []string{
	"AttackSequence:EC2/CompromisedInstanceGroup",
	"AttackSequence:ECS/CompromisedCluster",
	"AttackSequence:EKS/CompromisedCluster",
	"AttackSequence:IAM/CompromisedCredentials",
	"AttackSequence:S3/CompromisedData",
	"Backdoor:EC2/C&CActivity.B",
	"Backdoor:EC2/C&CActivity.B!DNS",
	"Backdoor:EC2/DenialOfService.Dns",
	"Backdoor:EC2/DenialOfService.Tcp",
	"Backdoor:EC2/DenialOfService.Udp",
	"Backdoor:EC2/DenialOfService.UdpOnTcpPorts",
	"Backdoor:EC2/DenialOfService.UnusualProtocol",
	"Backdoor:EC2/Spambot",
	"Backdoor:Lambda/C&CActivity.B",
	"Backdoor:Runtime/C&CActivity.B",
	"Backdoor:Runtime/C&CActivity.B!DNS",
	"Behavior:EC2/NetworkPortUnusual",
	"Behavior:EC2/TrafficVolumeUnusual",
	"CredentialAccess:EC2/UnsecuredCredentials",
	"CredentialAccess:IAMUser/AnomalousBehavior",
	"CredentialAccess:IAMUser/CompromisedCredentials",
	"CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed",
	"CredentialAccess:Kubernetes/MaliciousIPCaller",
	"CredentialAccess:Kubernetes/MaliciousIPCaller.Custom",
	"CredentialAccess:Kubernetes/SuccessfulAnonymousAccess",
	"CredentialAccess:Kubernetes/TorIPCaller",
	"CredentialAccess:RDS/ModifyAuthenticationProcess",
	"CryptoCurrency:EC2/BitcoinTool.B",
	"CryptoCurrency:EC2/BitcoinTool.B!DNS",
	"CryptoCurrency:Lambda/BitcoinTool.B",
	"CryptoCurrency:Runtime/BitcoinTool.B",
	"CryptoCurrency:Runtime/BitcoinTool.B!DNS",
	"DefenseEvasion:EC2/UnusualDNSResolver",
	"DefenseEvasion:EC2/UnusualDoHActivity",
	"DefenseEvasion:EC2/UnusualDoTActivity",
	"DefenseEvasion:IAMUser/AnomalousBehavior",
	"DefenseEvasion:IAMUser/BedrockLoggingDisabled",
	"DefenseEvasion:Kubernetes/MaliciousIPCaller",
	"DefenseEvasion:Kubernetes/MaliciousIPCaller.Custom",
	"DefenseEvasion:Kubernetes/SuccessfulAnonymousAccess",
	"DefenseEvasion:Kubernetes/TorIPCaller",
	"DefenseEvasion:Runtime/FilelessExecution",
	"DefenseEvasion:Runtime/KernelModuleLoaded",
	"DefenseEvasion:Runtime/ProcessInjection.Proc",
	"DefenseEvasion:Runtime/ProcessInjection.Ptrace",
	"DefenseEvasion:Runtime/ProcessInjection.VirtualMemoryWrite",
	"DefenseEvasion:Runtime/PtraceAntiDebugging",
	"DefenseEvasion:Runtime/SensitiveFileModified",
	"DefenseEvasion:Runtime/SuspiciousCommand",
	"DefenseImpairment:EC2/DisableOrModifyTools",
	"DefenseImpairment:Organizations/DisableOrModifyTools",
	"DefenseImpairment:Organizations/ModifyCloudResourceHierarchy",
	"DefenseImpairment:RDS/ModifyAuthenticationProcess",
	"DefenseImpairment:Route53Resolver/DisableOrModifyTools",
	"DefenseImpairment:S3/DisableOrModifyTools",
	"Discovery:IAMUser/AnomalousBehavior",
	"Discovery:Kubernetes/AnomalousBehavior.PermissionChecked",
	"Discovery:Kubernetes/MaliciousIPCaller",
	"Discovery:Kubernetes/MaliciousIPCaller.Custom",
	"Discovery:Kubernetes/SuccessfulAnonymousAccess",
	"Discovery:Kubernetes/TorIPCaller",
	"Discovery:Runtime/SuspiciousCommand",
	"Discovery:S3/AnomalousBehavior",
	"Discovery:S3/MaliciousIPCaller",
	"Discovery:S3/MaliciousIPCaller.Custom",
	"Discovery:S3/TorIPCaller",
	"Execution:Kubernetes/AnomalousBehavior.ExecInPod",
	"Execution:Kubernetes/AnomalousBehavior.WorkloadDeployed",
	"Execution:Kubernetes/ExecInKubeSystemPod",
	"Execution:Runtime/MaliciousFileExecuted",
	"Execution:Runtime/MaliciousFileExecuted.Custom",
	"Execution:Runtime/NewBinaryExecuted",
	"Execution:Runtime/NewLibraryLoaded",
	"Execution:Runtime/ReverseShell",
	"Execution:Runtime/SuspiciousCommand",
	"Execution:Runtime/SuspiciousShellCreated",
	"Execution:Runtime/SuspiciousTool",
	"Execution:SageMaker/CommandAndScriptingInterpreter",
	"Exfiltration:EC2/TransferDataToCloudAccount",
	"Exfiltration:IAMUser/AnomalousBehavior",
	"Exfiltration:RDS/TransferDataToCloudAccount",
	"Exfiltration:S3/AnomalousBehavior",
	"Exfiltration:S3/MaliciousIPCaller",
	"Exfiltration:S3/TransferDataToCloudAccount",
	"Impact:EC2/AbusedDomainRequest.Reputation",
	"Impact:EC2/BitcoinDomainRequest.Reputation",
	"Impact:EC2/MaliciousDomainRequest.Custom",
	"Impact:EC2/MaliciousDomainRequest.Reputation",
	"Impact:EC2/PortSweep",
	"Impact:EC2/SuspiciousDomainRequest.Reputation",
	"Impact:EC2/WinRMBruteForce",
	"Impact:IAMUser/AnomalousBehavior",
	"Impact:Kubernetes/MaliciousIPCaller",
	"Impact:Kubernetes/MaliciousIPCaller.Custom",
	"Impact:Kubernetes/SuccessfulAnonymousAccess",
	"Impact:Kubernetes/TorIPCaller",
	"Impact:Runtime/AbusedDomainRequest.Reputation",
	"Impact:Runtime/BitcoinDomainRequest.Reputation",
	"Impact:Runtime/CryptoMinerExecuted",
	"Impact:Runtime/MaliciousDomainRequest.Reputation",
	"Impact:Runtime/SuspiciousDomainRequest.Reputation",
	"Impact:S3/AnomalousBehavior.Delete",
	"Impact:S3/AnomalousBehavior.Permission",
	"Impact:S3/AnomalousBehavior.Write",
	"Impact:S3/DataDestruction",
	"Impact:S3/MaliciousIPCaller",
	"Impact:SES/ResourceHijacking",
	"InitialAccess:IAM/ValidAccounts",
	"InitialAccess:IAMUser/AnomalousBehavior",
	"InitialAccess:RDS/ExploitPublicFacingApplication",
	"LateralMovement:EC2/RemoteServices",
	"PenTest:IAMUser/KaliLinux",
	"PenTest:IAMUser/ParrotLinux",
	"PenTest:IAMUser/PentooLinux",
	"PenTest:S3/KaliLinux",
	"PenTest:S3/ParrotLinux",
	"PenTest:S3/PentooLinux",
	"Persistence:EC2/BootOrLogonInitializationScripts",
	"Persistence:EC2/ExternalRemoteServices",
	"Persistence:IAM/AccountManipulation",
	"Persistence:IAMUser/AnomalousBehavior",
	"Persistence:Kubernetes/AnomalousBehavior.WorkloadDeployed!ContainerWithSensitiveMount",
	"Persistence:Kubernetes/ContainerWithSensitiveMount",
	"Persistence:Kubernetes/MaliciousIPCaller",
	"Persistence:Kubernetes/MaliciousIPCaller.Custom",
	"Persistence:Kubernetes/SuccessfulAnonymousAccess",
	"Persistence:Kubernetes/TorIPCaller",
	"Persistence:Lambda/AccountManipulation",
	"Persistence:Lambda/ModifyAuthenticationProcess",
	"Persistence:RolesAnywhere/AccountManipulation",
	"Persistence:Runtime/SensitiveFileModified",
	"Persistence:Runtime/SuspiciousCommand",
	"Policy:IAMUser/RootCredentialUsage",
	"Policy:IAMUser/ShortTermRootCredentialUsage",
	"Policy:Kubernetes/AdminAccessToDefaultServiceAccount",
	"Policy:Kubernetes/AnonymousAccessGranted",
	"Policy:Kubernetes/ExposedDashboard",
	"Policy:Kubernetes/KubeflowDashboardExposed",
	"Policy:S3/AccountBlockPublicAccessDisabled",
	"Policy:S3/BucketAnonymousAccessGranted",
	"Policy:S3/BucketBlockPublicAccessDisabled",
	"Policy:S3/BucketPublicAccessGranted",
	"PrivilegeEscalation:IAM/AccountManipulation",
	"PrivilegeEscalation:IAMUser/AnomalousBehavior",
	"PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleBindingCreated",
	"PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleCreated",
	"PrivilegeEscalation:Kubernetes/AnomalousBehavior.WorkloadDeployed!PrivilegedContainer",
	"PrivilegeEscalation:Kubernetes/PrivilegedContainer",
	"PrivilegeEscalation:Runtime/CGroupsReleaseAgentModified",
	"PrivilegeEscalation:Runtime/ContainerMountsHostDirectory",
	"PrivilegeEscalation:Runtime/DockerSocketAccessed",
	"PrivilegeEscalation:Runtime/ElevationToRoot",
	"PrivilegeEscalation:Runtime/RuncContainerEscape",
	"PrivilegeEscalation:Runtime/SensitiveFileModified",
	"PrivilegeEscalation:Runtime/SuspiciousCommand",
	"PrivilegeEscalation:Runtime/UserfaultfdUsage",
	"Recon:EC2/PortProbeEMRUnprotectedPort",
	"Recon:EC2/PortProbeUnprotectedPort",
	"Recon:EC2/Portscan",
	"Recon:IAMUser/MaliciousIPCaller",
	"Recon:IAMUser/MaliciousIPCaller.Custom",
	"Recon:IAMUser/TorIPCaller",
	"ResourceDevelopment:SES/CompromiseAccounts",
	"Stealth:IAMUser/CloudTrailLoggingDisabled",
	"Stealth:IAMUser/PasswordPolicyChange",
	"Stealth:S3/ServerAccessLoggingDisabled",
	"Trojan:EC2/BlackholeTraffic",
	"Trojan:EC2/BlackholeTraffic!DNS",
	"Trojan:EC2/DGADomainRequest.B",
	"Trojan:EC2/DGADomainRequest.C!DNS",
	"Trojan:EC2/DNSDataExfiltration",
	"Trojan:EC2/DriveBySourceTraffic!DNS",
	"Trojan:EC2/DropPoint",
	"Trojan:EC2/DropPoint!DNS",
	"Trojan:EC2/PhishingDomainRequest!DNS",
	"Trojan:Lambda/BlackholeTraffic",
	"Trojan:Lambda/DropPoint",
	"Trojan:Runtime/BlackholeTraffic",
	"Trojan:Runtime/BlackholeTraffic!DNS",
	"Trojan:Runtime/DGADomainRequest.C!DNS",
	"Trojan:Runtime/DriveBySourceTraffic!DNS",
	"Trojan:Runtime/DropPoint",
	"Trojan:Runtime/DropPoint!DNS",
	"Trojan:Runtime/PhishingDomainRequest!DNS",
	"UnauthorizedAccess:EC2/MaliciousIPCaller.Custom",
	"UnauthorizedAccess:EC2/MetadataDNSRebind",
	"UnauthorizedAccess:EC2/RDPBruteForce",
	"UnauthorizedAccess:EC2/SSHBruteForce",
	"UnauthorizedAccess:EC2/TorClient",
	"UnauthorizedAccess:EC2/TorRelay",
	"UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B",
	"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS",
	"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
	"UnauthorizedAccess:IAMUser/MaliciousIPCaller",
	"UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
	"UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.InsideAWS",
	"UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS",
	"UnauthorizedAccess:IAMUser/TorIPCaller",
	"UnauthorizedAccess:Lambda/MaliciousIPCaller.Custom",
	"UnauthorizedAccess:Lambda/TorClient",
	"UnauthorizedAccess:Lambda/TorRelay",
	"UnauthorizedAccess:Runtime/MetadataDNSRebind",
	"UnauthorizedAccess:Runtime/TorClient",
	"UnauthorizedAccess:Runtime/TorRelay",
	"UnauthorizedAccess:S3/MaliciousIPCaller.Custom",
	"UnauthorizedAccess:S3/TorIPCaller",
}

func TestCatalogIsWellFormed(t *testing.T) {
	name := regexp.MustCompile(`^[A-Z][A-Za-z]+:[A-Z][A-Za-z0-9]+/[A-Za-z&.!]+$`)
	technique := regexp.MustCompile(`^(T\d{4}(\.\d{3})?|AML\.T\d{4})?$`)
	labels := map[float64]string{2: "Low", 5: "Medium", 8: "High", 9: "Critical"}
	seen := map[string]bool{}
	var done []string
	for _, ft := range Catalog() {
		if !name.MatchString(ft.Name) || seen[ft.Name] {
			t.Errorf("%q: malformed or twice", ft.Name)
		}
		seen[ft.Name] = true
		if labels[ft.Severity] != ft.SeverityLabel || SeverityLabel(ft.Severity) != ft.SeverityLabel {
			t.Errorf("%s: severity %v is not %q", ft.Name, ft.Severity, ft.SeverityLabel)
		}
		if !technique.MatchString(ft.Technique) {
			t.Errorf("%s: technique %q", ft.Name, ft.Technique)
		}
		if ft.ResourceType == "" || ft.Source == "" || ft.Detector == "" || ft.Trigger == "" || len(ft.Remediation) == 0 {
			t.Errorf("%s: an empty column", ft.Name)
		}
		switch ft.Status {
		case StatusImplemented:
			done = append(done, ft.Name)
		case StatusPlanned:
		default:
			t.Errorf("%s: status %q", ft.Name, ft.Status)
		}
		if got, ok := Lookup(ft.Name); !ok || got.Name != ft.Name {
			t.Errorf("Lookup(%q) = %v, %v", ft.Name, got.Name, ok)
		}
	}
	if len(seen) != 231 {
		t.Errorf("%d types, want 229 active ones and 2 retired", len(seen))
	}
	slices.Sort(done)
	if !slices.Equal(done, implemented) {
		t.Errorf("implemented types are %q, want %q", done, implemented)
	}
	if _, ok := Lookup("No:Such/Type"); ok {
		t.Error("an unknown type was found")
	}
}

// A type that is raised must tell its reader what to type; and no section of
// the remediation file may be out of reach behind an earlier one.
func TestRemediation(t *testing.T) {
	for _, name := range implemented {
		ft, _ := Lookup(name)
		command, atLeast := "kubectl ", 4
		if ft.Source != "k8s-audit" && ft.Source != "runtime" {
			command, atLeast = "aws ", 3
		}
		if steps := strings.Join(ft.Remediation, "\n"); len(ft.Remediation) < atLeast || !strings.Contains(steps, command) {
			t.Errorf("%s: no ready commands in %q", name, steps)
		}
	}
	remedies, err := parseRemediation(remediationText)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]int{}
	for _, r := range remedies {
		used[r.steps[0]] = 0
	}
	for _, ft := range Catalog() {
		used[ft.Remediation[0]]++
	}
	for _, first := range slices.Sorted(maps.Keys(used)) {
		if used[first] == 0 {
			t.Errorf("no type reaches the section that begins %q", first)
		}
	}
}

func TestParseCatalogFaults(t *testing.T) {
	const head = "type\tx\n"
	for _, tc := range []struct{ name, tsv, remediation, want string }{
		{"columns", head + "a\tb\n", "== *\nstep\n", "line 2 has 2 columns"},
		{"severity", head + strings.Repeat("x\t", 10) + "x\n", "== *\nstep\n", "severity"},
		{"no steps", head + "A:B/C\tr\ts\t2\tLow\td\t\t\tplanned\tt\t\n", "== X\nstep\n", "no remediation for A:B/C"},
		{"headless", "", "step\n", "before the first head"},
		{"pattern", "", "== [\n", "line 1"},
	} {
		_, err := parseCatalog(tc.tsv, tc.remediation)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
}

func TestSeverityLabel(t *testing.T) {
	for s, want := range map[float64]string{0: "Low", 1: "Low", 3.9: "Low", 4: "Medium", 6.9: "Medium", 7: "High", 8.9: "High", 9: "Critical", 10: "Critical"} {
		if got := SeverityLabel(s); got != want {
			t.Errorf("SeverityLabel(%v) = %s, want %s", s, got, want)
		}
	}
}
