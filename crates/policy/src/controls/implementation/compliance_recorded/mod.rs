use crate::judgement::About;
use crate::live::{listed, unread};
use crate::monitors::{Group, groups};
use crate::prelude::*;

control! {
    /// Where there are stores or keys, AWS Config must scan and report regularly: a recorder in the same
    /// account and region that runs (`Recording`) and did not fail (`LastStatus`), and a delivery channel
    /// whose last deliveries of history and snapshots succeeded (`ConfigHistoryDeliveryInfo`,
    /// `ConfigSnapshotDeliveryInfo`; AWS Config API Reference, ConfigurationRecorderStatus and
    /// DeliveryChannelStatus). Without a channel nothing reports. Which rules watch what is for
    /// `config-rules-watch-encryption`. Where recorders or channels could not be read, or their state is
    /// not told, it is unknown.
    id: "compliance-recorded",
    title: "Compliance is scanned and reported regularly",
    clauses: ["MON-3"],
    sources: [Live],
    severity: Low,
    fix: "Switch the recorder on, give it a delivery channel with a bucket it may write to, and run `lockfast scan` on a schedule.",
    cloudformation: r#"Recorder:
  Type: AWS::Config::ConfigurationRecorder
  Properties: {RoleARN: !GetAtt ConfigRole.Arn, RecordingGroup: {AllSupported: true}}
Channel:
  Type: AWS::Config::DeliveryChannel
  Properties: {S3BucketName: !Ref ConfigBucket, ConfigSnapshotDeliveryProperties: {DeliveryFrequency: TwentyFour_Hours}}
"#,
    cdk: r#"new config.CfnConfigurationRecorder(this, 'Recorder', { roleArn: role.roleArn, recordingGroup: { allSupported: true } });
new config.CfnDeliveryChannel(this, 'Channel', { s3BucketName: bucket.bucketName });
"#,
}

const RECORDER: &str = "AWS::Config::ConfigurationRecorder";
const CHANNEL: &str = "AWS::Config::DeliveryChannel";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for group in groups(cx, crate::live::of_concern(cx)) {
        let judgement = scanned(cx, &group).unwrap_or_else(|| {
            Judgement::pass(About::Input, "AWS Config records what changes there, and delivers it")
        });
        out.push(judgement.part(format!("scanning of {}", group.label)));
    }
}

/// What keeps the resources of a place from being scanned and reported; `None` when nothing does.
fn scanned(cx: &Cx<'_>, group: &Group<'_>) -> Option<Judgement> {
    let one = |kind: &str| {
        let all = listed(cx, &[kind]);
        all.into_iter().find(|found| {
            // A recorder that an AWS service keeps for itself reports to nobody else.
            let scope = found.at("RecordingScope").string().found();
            cx.inventory.stack_of(found.resource).place == *group.place() && scope.as_deref() != Some("INTERNAL")
        })
    };
    let missing = |kind: &str, what: &str| match unread(cx, "config", &[kind], group.place()) {
        Some(why) => Judgement::cannot_tell(About::Input, &format!("whether there is {what}"), &why),
        None => Judgement::fail(About::Input, format!("{what} is missing")),
    };
    let Some(recorder) = one(RECORDER) else {
        return Some(missing(RECORDER, "a recorder of AWS Config"));
    };
    let state = |subject: Subject<'_>, at: &str| subject.at(at).string();
    match recorder.at("Recording").bool() {
        Read::Found(true, _) => {}
        Read::Found(false, loc) => {
            return Some(Judgement::fail(About::Input, "the recorder of AWS Config is stopped").at(loc));
        }
        Read::Unknown(why, loc) => {
            return Some(Judgement::cannot_tell(About::Input, "whether the recorder runs", &why).at(loc));
        }
        Read::Absent(loc) => {
            let message = "cannot tell whether the recorder runs: the account does not say";
            return Some(Judgement::unknown(About::Input, message).at(loc));
        }
    }
    if let Read::Found(status, loc) = state(recorder, "LastStatus")
        && is_failure(&status)
    {
        let code = state(recorder, "LastErrorCode").found();
        let code = code.map(|code| format!(": {code}")).unwrap_or_default();
        return Some(Judgement::fail(About::Input, format!("the recorder of AWS Config fails{code}")).at(loc));
    }
    let Some(channel) = one(CHANNEL) else {
        return Some(missing(CHANNEL, "a delivery channel of AWS Config"));
    };
    let mut unknown = None;
    let mut told = false;
    for info in ["ConfigHistoryDeliveryInfo", "ConfigSnapshotDeliveryInfo"] {
        match state(channel, &format!("{info}.LastStatus")) {
            Read::Found(status, loc) if is_failure(&status) => {
                let code = state(channel, &format!("{info}.LastErrorCode")).found();
                let code = code.map(|code| format!(": {code}")).unwrap_or_default();
                let message = format!("AWS Config could not deliver what it found{code}");
                return Some(Judgement::fail(About::Input, message).at(loc));
            }
            Read::Unknown(why, loc) => {
                let judgement = Judgement::cannot_tell(About::Input, "whether AWS Config delivers", &why);
                unknown.get_or_insert(judgement.at(loc));
            }
            // A channel that never delivered snapshots has no status of them: history alone is a report.
            Read::Found(..) => told = true,
            Read::Absent(_) => {}
        }
    }
    unknown.or_else(|| {
        let message = "cannot tell whether AWS Config delivers: the account does not say";
        (!told).then(|| Judgement::unknown(About::Input, message).at(channel.resource.loc))
    })
}

fn is_failure(status: &str) -> bool {
    status.eq_ignore_ascii_case("failure")
}
