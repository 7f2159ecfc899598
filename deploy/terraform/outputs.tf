output "role_arn" {
  description = "The role that Vedette reads with."
  value       = aws_iam_role.reader.arn
}

output "queue_url" {
  description = "The queue that announces objects."
  value       = aws_sqs_queue.objects.id
}

output "dead_letter_queue_url" {
  description = "The queue of what could not be read."
  value       = aws_sqs_queue.dead.id
}

output "bucket" {
  description = "The bucket that keeps the logs."
  value       = aws_s3_bucket.logs.id
}

output "vedette_config" {
  description = "The part of Vedette's configuration that goes with it. It names roleARN where trusted_principal_arns take the role on; a service account (oidc_provider_arn) has it already."
  value = yamlencode({
    ingest = {
      queues = [merge(
        { url = aws_sqs_queue.objects.id, region = local.region, buckets = [aws_s3_bucket.logs.id] },
        local.firehose_to_bucket ? { include = ["AWSLogs/*"] } : {},
        length(var.trusted_principal_arns) > 0 ? { roleARN = aws_iam_role.reader.arn } : {},
        length(var.trusted_principal_arns) > 0 && var.external_id != null ? { externalID = var.external_id } : {},
      )]
    }
  })
}
