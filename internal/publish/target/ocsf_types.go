package target

// The objects of OCSF, as JSON and as columns of Parquet. What is empty is left
// out of both.

type ocsfFinding struct {
	ActivityID   int32            `json:"activity_id" parquet:"activity_id"`
	ActivityName string           `json:"activity_name" parquet:"activity_name"`
	CategoryUID  int32            `json:"category_uid" parquet:"category_uid"`
	CategoryName string           `json:"category_name" parquet:"category_name"`
	ClassUID     int32            `json:"class_uid" parquet:"class_uid"`
	ClassName    string           `json:"class_name" parquet:"class_name"`
	TypeUID      int64            `json:"type_uid" parquet:"type_uid"`
	TypeName     string           `json:"type_name" parquet:"type_name"`
	Time         int64            `json:"time" parquet:"time"`
	StartTime    int64            `json:"start_time,omitempty" parquet:"start_time,optional"`
	EndTime      int64            `json:"end_time,omitempty" parquet:"end_time,optional"`
	Count        int32            `json:"count,omitempty" parquet:"count,optional"`
	SeverityID   int32            `json:"severity_id" parquet:"severity_id"`
	Severity     string           `json:"severity" parquet:"severity"`
	StatusID     int32            `json:"status_id" parquet:"status_id"`
	Status       string           `json:"status" parquet:"status"`
	Message      string           `json:"message,omitempty" parquet:"message,optional"`
	Metadata     ocsfMetadata     `json:"metadata" parquet:"metadata"`
	Info         ocsfInfo         `json:"finding_info" parquet:"finding_info"`
	Cloud        ocsfCloud        `json:"cloud" parquet:"cloud"`
	Resources    []ocsfResource   `json:"resources,omitempty" parquet:"resources,list"`
	Evidences    []ocsfEvidence   `json:"evidences,omitempty" parquet:"evidences,list"`
	Observables  []ocsfObservable `json:"observables,omitempty" parquet:"observables,list"`
	Remediation  *ocsfRemedy      `json:"remediation,omitempty" parquet:"remediation,optional"`
	// GuardDuty's own object: in Parquet a text, since its shape is not OCSF's.
	Unmapped map[string]any    `json:"unmapped,omitempty" parquet:"-"`
	Columns  map[string]string `json:"-" parquet:"unmapped,optional"`
}

type ocsfMetadata struct {
	Version        string      `json:"version" parquet:"version"`
	Product        ocsfProduct `json:"product" parquet:"product"`
	UID            string      `json:"uid" parquet:"uid"`
	EventCode      string      `json:"event_code" parquet:"event_code"`
	CorrelationUID string      `json:"correlation_uid,omitempty" parquet:"correlation_uid,optional"`
	LoggedTime     int64       `json:"logged_time" parquet:"logged_time"`
	OriginalTime   string      `json:"original_time,omitempty" parquet:"original_time,optional"`
	Profiles       []string    `json:"profiles" parquet:"profiles,list"`
}

type ocsfProduct struct {
	Name       string `json:"name" parquet:"name"`
	VendorName string `json:"vendor_name" parquet:"vendor_name"`
	Version    string `json:"version,omitempty" parquet:"version,optional"`
}

type ocsfInfo struct {
	UID       string        `json:"uid" parquet:"uid"`
	Title     string        `json:"title" parquet:"title"`
	Desc      string        `json:"desc,omitempty" parquet:"desc,optional"`
	Types     []string      `json:"types" parquet:"types,list"`
	Created   int64         `json:"created_time,omitempty" parquet:"created_time,optional"`
	Modified  int64         `json:"modified_time,omitempty" parquet:"modified_time,optional"`
	FirstSeen int64         `json:"first_seen_time,omitempty" parquet:"first_seen_time,optional"`
	LastSeen  int64         `json:"last_seen_time,omitempty" parquet:"last_seen_time,optional"`
	Sources   []string      `json:"data_sources,omitempty" parquet:"data_sources,list"`
	Analytic  *ocsfAnalytic `json:"analytic,omitempty" parquet:"analytic,optional"`
	Attacks   []ocsfAttack  `json:"attacks,omitempty" parquet:"attacks,list"`
}

type ocsfAnalytic struct {
	Name   string `json:"name" parquet:"name"`
	TypeID int32  `json:"type_id" parquet:"type_id"`
	Type   string `json:"type" parquet:"type"`
}

type ocsfAttack struct {
	Tactic       *ocsfNamed `json:"tactic,omitempty" parquet:"tactic,optional"`
	Technique    *ocsfNamed `json:"technique,omitempty" parquet:"technique,optional"`
	SubTechnique *ocsfNamed `json:"sub_technique,omitempty" parquet:"sub_technique,optional"`
}

type ocsfNamed struct {
	Name string `json:"name,omitempty" parquet:"name,optional"`
	UID  string `json:"uid,omitempty" parquet:"uid,optional"`
}

type ocsfCloud struct {
	Provider string      `json:"provider" parquet:"provider"`
	Region   string      `json:"region,omitempty" parquet:"region,optional"`
	Account  ocsfAccount `json:"account" parquet:"account"`
}

type ocsfAccount struct {
	UID    string `json:"uid" parquet:"uid"`
	TypeID int32  `json:"type_id,omitempty" parquet:"type_id,optional"`
	Type   string `json:"type,omitempty" parquet:"type,optional"`
}

type ocsfResource struct {
	UID       string `json:"uid,omitempty" parquet:"uid,optional"`
	Name      string `json:"name,omitempty" parquet:"name,optional"`
	Type      string `json:"type,omitempty" parquet:"type,optional"`
	Namespace string `json:"namespace,omitempty" parquet:"namespace,optional"`
	Region    string `json:"region,omitempty" parquet:"region,optional"`
	Partition string `json:"cloud_partition,omitempty" parquet:"cloud_partition,optional"`
}

type ocsfEvidence struct {
	Actor      *ocsfActor      `json:"actor,omitempty" parquet:"actor,optional"`
	API        *ocsfAPI        `json:"api,omitempty" parquet:"api,optional"`
	Connection *ocsfConnection `json:"connection_info,omitempty" parquet:"connection_info,optional"`
	Source     *ocsfEndpoint   `json:"src_endpoint,omitempty" parquet:"src_endpoint,optional"`
	Target     *ocsfEndpoint   `json:"dst_endpoint,omitempty" parquet:"dst_endpoint,optional"`
	Query      *ocsfQuery      `json:"query,omitempty" parquet:"query,optional"`
	Process    *ocsfProcess    `json:"process,omitempty" parquet:"process,optional"`
	Container  *ocsfContainer  `json:"container,omitempty" parquet:"container,optional"`
	File       *ocsfFile       `json:"file,omitempty" parquet:"file,optional"`
	Data       any             `json:"data,omitempty" parquet:"-"` // what there is no object for
}

type ocsfActor struct {
	User *ocsfUser `json:"user,omitempty" parquet:"user,optional"`
}

type ocsfUser struct {
	Name       string      `json:"name,omitempty" parquet:"name,optional"`
	UID        string      `json:"uid,omitempty" parquet:"uid,optional"`
	Type       string      `json:"type,omitempty" parquet:"type,optional"`
	Credential string      `json:"credential_uid,omitempty" parquet:"credential_uid,optional"`
	Groups     []ocsfNamed `json:"groups,omitempty" parquet:"groups,list"`
}

type ocsfAPI struct {
	Operation string        `json:"operation" parquet:"operation"`
	Service   *ocsfNamed    `json:"service,omitempty" parquet:"service,optional"`
	Response  *ocsfResponse `json:"response,omitempty" parquet:"response,optional"`
}

type ocsfResponse struct {
	Code  int32  `json:"code,omitempty" parquet:"code,optional"`
	Error string `json:"error,omitempty" parquet:"error,optional"`
}

type ocsfConnection struct {
	DirectionID int32  `json:"direction_id" parquet:"direction_id"`
	Direction   string `json:"direction" parquet:"direction"`
	Protocol    string `json:"protocol_name,omitempty" parquet:"protocol_name,optional"`
}

type ocsfEndpoint struct {
	IP       string        `json:"ip,omitempty" parquet:"ip,optional"`
	Port     int32         `json:"port,omitempty" parquet:"port,optional"`
	Domain   string        `json:"hostname,omitempty" parquet:"hostname,optional"`
	Location *ocsfLocation `json:"location,omitempty" parquet:"location,optional"`
	System   *ocsfSystem   `json:"autonomous_system,omitempty" parquet:"autonomous_system,optional"`
}

type ocsfLocation struct {
	City    string `json:"city,omitempty" parquet:"city,optional"`
	Country string `json:"country,omitempty" parquet:"country,optional"`
}

type ocsfSystem struct {
	Number int32  `json:"number,omitempty" parquet:"number,optional"`
	Name   string `json:"name,omitempty" parquet:"name,optional"`
}

type ocsfQuery struct {
	Hostname string `json:"hostname" parquet:"hostname"`
}

type ocsfProcess struct {
	Name string    `json:"name,omitempty" parquet:"name,optional"`
	PID  int32     `json:"pid,omitempty" parquet:"pid,optional"`
	UID  string    `json:"uid,omitempty" parquet:"uid,optional"`
	File *ocsfFile `json:"file,omitempty" parquet:"file,optional"`
	User *ocsfUser `json:"user,omitempty" parquet:"user,optional"`
}

type ocsfFile struct {
	Name   string     `json:"name" parquet:"name"`
	Path   string     `json:"path,omitempty" parquet:"path,optional"`
	TypeID int32      `json:"type_id" parquet:"type_id"`
	Hashes []ocsfHash `json:"hashes,omitempty" parquet:"hashes,list"`
}

type ocsfHash struct {
	AlgorithmID int32  `json:"algorithm_id" parquet:"algorithm_id"`
	Algorithm   string `json:"algorithm" parquet:"algorithm"`
	Value       string `json:"value" parquet:"value"`
}

type ocsfContainer struct {
	UID     string     `json:"uid,omitempty" parquet:"uid,optional"`
	Name    string     `json:"name,omitempty" parquet:"name,optional"`
	Runtime string     `json:"runtime,omitempty" parquet:"runtime,optional"`
	PodUUID string     `json:"pod_uuid,omitempty" parquet:"pod_uuid,optional"`
	Image   *ocsfNamed `json:"image,omitempty" parquet:"image,optional"`
}

type ocsfObservable struct {
	Name   string `json:"name" parquet:"name"` // the attribute that it stands in
	TypeID int32  `json:"type_id" parquet:"type_id"`
	Type   string `json:"type" parquet:"type"`
	Value  string `json:"value" parquet:"value"`
}

type ocsfRemedy struct {
	Desc string `json:"desc" parquet:"desc"`
}
