// Calls every operation of the GuardDuty client once and prints what came
// back, a line each: {"name", "status", "error", "message"}. The operations to
// call, in order, are the arguments; ENDPOINT, DETECTOR and ACCOUNT the rest.
import * as sdk from "@aws-sdk/client-guardduty";

const { ENDPOINT, DETECTOR, ACCOUNT } = process.env;
const client = new sdk.GuardDutyClient({ endpoint: ENDPOINT, maxAttempts: 1 });

// What some operation asks for. A command takes out of it what it knows.
const input = {
  DetectorId: DETECTOR,
  ResourceArn: `arn:aws:guardduty:${process.env.AWS_REGION}:${ACCOUNT}:detector/${DETECTOR}`,
  AccountIds: ["222222222222"],
  AccountDetails: [{ AccountId: "222222222222", Email: "team@example.com" }],
  Activate: false,
  AdministratorId: ACCOUNT,
  AdminAccountId: ACCOUNT,
  AssociationId: "something",
  AutoEnableOrganizationMembers: "NEW",
  DestinationId: "something",
  DestinationProperties: { DestinationArn: "arn:aws:s3:::bucket", KmsKeyArn: "arn:aws:kms:eu-central-1:111122223333:key/1" },
  DestinationType: "S3",
  Enable: true,
  Feedback: "USEFUL",
  FilterName: "something",
  FindingCriteria: { Criterion: { severity: { GreaterThanOrEqual: 7 } } },
  FindingIds: ["something"],
  Format: "TXT",
  GroupBy: "SEVERITY",
  InvestigationId: "something",
  InvitationId: "something",
  IpSetId: "something",
  Location: "s3://bucket/key",
  MalwareProtectionPlanId: "something",
  MasterId: ACCOUNT,
  Mode: "LIVE",
  Name: "something",
  ProtectedResource: { S3Bucket: { BucketName: "bucket" } },
  Role: "arn:aws:iam::111122223333:role/something",
  RuleId: "something",
  S3Object: { Bucket: "bucket", Key: "key" },
  ScanId: "something",
  StatisticsType: ["COUNT_BY_COVERAGE_STATUS"],
  TagKeys: ["team"],
  Tags: { team: "red" },
  ThreatEntitySetId: "something",
  ThreatIntelSetId: "something",
  TriggerPrompt: "why",
  TrustedEntitySetId: "something",
  UsageCriteria: {},
  UsageStatisticType: "SUM_BY_ACCOUNT",
};

const known = Object.keys(sdk).filter((n) => n.endsWith("Command") && n !== "$Command").map((n) => n.slice(0, -"Command".length));
const wanted = process.argv.slice(2);
for (const name of known.filter((n) => !wanted.includes(n))) {
  console.log(JSON.stringify({ name, error: "NotInTheTable", message: "the client has it and the table has not" }));
}
for (const name of wanted) {
  const line = { name };
  try {
    const out = await client.send(new sdk[name + "Command"](input));
    line.status = out.$metadata.httpStatusCode;
  } catch (e) {
    line.status = e.$metadata?.httpStatusCode;
    line.error = e.name;
    line.message = e.message;
    line.typed = e instanceof sdk.GuardDutyServiceException;
  }
  console.log(JSON.stringify(line));
}

// Times come in three forms; the client reads each as what it is.
const list = async () => {
  await client.send(new sdk.CreateSampleFindingsCommand({ DetectorId: DETECTOR, FindingTypes: ["Execution:Runtime/ReverseShell"] }));
  const { FindingIds } = await client.send(new sdk.ListFindingsCommand({ DetectorId: DETECTOR }));
  const { Findings } = await client.send(new sdk.GetFindingsCommand({ DetectorId: DETECTOR, FindingIds }));
  const d = await client.send(new sdk.GetDetectorCommand({ DetectorId: DETECTOR }));
  return {
    name: "times",
    finding: typeof Findings[0].CreatedAt,
    process: Findings[0].Service.RuntimeDetails.Process.StartTime instanceof Date,
    feature: d.Features[0].UpdatedAt instanceof Date,
    detector: typeof d.CreatedAt,
  };
};
if (wanted.includes("ListFindings")) console.log(JSON.stringify(await list()));
