variable "name" {
  description = "Name of the trail, the queue, the roles and the rest; a prefix where several are needed."
  type        = string
  default     = "vedette"
}

variable "bucket_name" {
  description = "Name of the bucket that keeps the logs. It is made here."
  type        = string
}

variable "retention_days" {
  description = "How long the bucket keeps logs. Vedette reads them within minutes; the rest of the time is for investigations."
  type        = number
  default     = 90
}

variable "kms_key_arn" {
  description = "A KMS key to encrypt the logs with; null uses the keys of S3. Its policy must let cloudtrail.amazonaws.com and delivery.logs.amazonaws.com use it (see README)."
  type        = string
  default     = null
}

variable "organization_trail" {
  description = "Whether the trail is that of the whole organization. Apply it in the management account then."
  type        = bool
  default     = false
}

variable "organization_id" {
  description = "Id of the organization (o-…), for an organization trail."
  type        = string
  default     = null
}

variable "s3_data_events" {
  description = "Whether the trail records reads and writes of objects (S3 Protection). It costs by the event."
  type        = bool
  default     = true
}

variable "s3_data_event_excluded_arns" {
  description = "Beginnings of ARNs of objects that data events leave out, such as arn:aws:s3:::busy-bucket/. The log bucket always is."
  type        = list(string)
  default     = []
}

variable "vpc_ids" {
  description = "VPCs whose traffic is logged."
  type        = set(string)
  default     = []
}

variable "flow_log_format" {
  description = "parquet or plain-text. Parquet is smaller by two thirds; text is there for people to read."
  type        = string
  default     = "parquet"

  validation {
    condition     = contains(["parquet", "plain-text"], var.flow_log_format)
    error_message = "Use parquet or plain-text."
  }
}

variable "flow_log_interval" {
  description = "Seconds that a flow log record covers at most: 60 or 600."
  type        = number
  default     = 60
}

variable "flow_log_fields" {
  description = "Fields of a flow log record: all of the versions 2 to 5, and why traffic was rejected."
  type        = list(string)
  default = [
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log-status",
    "vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr",
    "region", "az-id", "sublocation-type", "sublocation-id",
    "pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path", "reject-reason",
  ]
}

variable "dns_query_logs" {
  description = "Whether the DNS queries of the VPCs are logged."
  type        = bool
  default     = true
}

variable "eks_log_groups" {
  description = "Log groups of EKS control planes (/aws/eks/NAME/cluster) whose audit logs go to Vedette through Firehose. Switch the audit log on in the cluster first."
  type        = set(string)
  default     = []
}

variable "eks_audit_to_bucket" {
  description = "Whether the audit logs of EKS go to the bucket, for a Vedette that Firehose cannot reach. They come a minute later."
  type        = bool
  default     = false
}

variable "vedette_endpoint" {
  description = "Where Firehose reaches Vedette, such as https://vedette.example.com: HTTPS on port 443 with a public certificate. Needed with eks_log_groups, but for eks_audit_to_bucket."
  type        = string
  default     = null
}

variable "vedette_access_key" {
  description = "ID.SECRET of an access key of role ingest (vedette keys create --role ingest). Needed with eks_log_groups, but for eks_audit_to_bucket."
  type        = string
  default     = null
  sensitive   = true
}

variable "oidc_provider_arn" {
  description = "ARN of the OIDC provider of the EKS cluster that Vedette runs in, for a role of its service account."
  type        = string
  default     = null
}

variable "service_account" {
  description = "Vedette's service account, NAMESPACE:NAME."
  type        = string
  default     = "vedette:vedette"
}

variable "trusted_principal_arns" {
  description = "Who else may take on the role: an instance's role, or that of Vedette in another account."
  type        = list(string)
  default     = []
}

variable "external_id" {
  description = "External id that those must give (externalID in Vedette's configuration); null asks for none."
  type        = string
  default     = null
}

variable "max_receive_count" {
  description = "How often a message is delivered before it goes to the dead-letter queue. It must be larger than ingest.objects.tries."
  type        = number
  default     = 20
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}
